package rowferry.devstack.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sees each request before Vespa's container does: carries out the faults that the store cannot, and answers
 * below {@code /rowferry/}. Everything else passes untouched.
 */
public final class FrontHandler extends Handler.Wrapper {

    private static final Pattern DOCUMENT = Pattern.compile("/document/v1/([^/]+)/([^/]+)/docid/(.+)");

    private final Faults faults;
    private final Control control;
    private final ObjectMapper json = new ObjectMapper();

    public FrontHandler(Handler container, Faults faults, Control control) {
        super(container);
        this.faults = faults;
        this.control = control;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        String path = request.getHttpURI().getPath();
        if (path.startsWith("/rowferry/")) {
            answerControl(request, response, callback, path);
            return true;
        }
        Optional<Fault> fault = faults.inFront(request.getMethod(), documentId(path), path);
        if (fault.isEmpty()) return super.handle(request, response, callback);
        if (fault.get().delayMs() == 0) return strike(fault.get(), request, response, callback);
        request.getComponents().getScheduler().schedule(
                () -> request.getContext().run(() -> strikeLater(fault.get(), request, response, callback), request),
                fault.get().delayMs(), TimeUnit.MILLISECONDS);
        return true;
    }

    private void strikeLater(Fault fault, Request request, Response response, Callback callback) {
        try {
            if (!strike(fault, request, response, callback)) Response.writeError(request, response, callback, 404);
        } catch (Exception e) {
            callback.failed(e);
        }
    }

    private boolean strike(Fault fault, Request request, Response response, Callback callback) throws Exception {
        if (fault.status() != 0) {
            ObjectNode body = json.createObjectNode();
            body.put("pathId", request.getHttpURI().getPath()).put("message", "fault on demand");
            answer(response, callback, fault.status(), body.toString());
            return true;
        }
        return super.handle(request, fault.loseReply() ? new LostResponse(request, response) : response, callback);
    }

    private void answerControl(Request request, Response response, Callback callback, String path) throws Exception {
        String body = Content.Source.asString(request, StandardCharsets.UTF_8);
        try {
            Optional<String> answer = control.answer(request.getMethod(), path, body);
            answer(response, callback, answer.isPresent() ? 200 : 404, answer.orElse("{\"message\":\"nothing here\"}"));
        } catch (IllegalArgumentException | JsonProcessingException e) {
            answer(response, callback, 400, json.createObjectNode().put("message", e.getMessage()).toString());
        }
    }

    private static void answer(Response response, Callback callback, int status, String body) {
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json;charset=UTF-8");
        Content.Sink.write(response, true, body, callback);
    }

    /** The id of the document that the path names, or empty. */
    private static String documentId(String path) {
        Matcher matcher = DOCUMENT.matcher(path);
        if (!matcher.matches()) return "";
        try {
            String user = URLDecoder.decode(matcher.group(3).replace("+", "%2B"), StandardCharsets.UTF_8);
            return "id:" + matcher.group(1) + ":" + matcher.group(2) + "::" + user;
        } catch (IllegalArgumentException e) {
            return "";
        }
    }

    /** Closes the connection when the answer is written. */
    private static final class LostResponse extends Response.Wrapper {

        LostResponse(Request request, Response response) {
            super(request, response);
        }

        @Override
        public void write(boolean last, ByteBuffer content, Callback callback) {
            getRequest().getConnectionMetaData().getConnection().getEndPoint().close();
            callback.failed(new EofException("reply lost on demand"));
        }
    }
}
