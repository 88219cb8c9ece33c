package rowferry.devstack.application;

import com.yahoo.cloud.config.ClusterListConfig;
import com.yahoo.documentapi.messagebus.protocol.DocumentProtocolPoliciesConfig;
import com.yahoo.vespa.config.content.AllClustersBucketSpacesConfig;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Makes, of a whole application package, one that a single container in this JVM can run.
 *
 * <p>All containers become one, with their handlers, components and settings; its port is ours, indexing is left
 * out (Vespa does not publish it), the store and the searcher are added, and what a config server would
 * have told of the content clusters is written in.
 */
public final class ContainerPackage {

    private static final Set<String> DROPPED = Set.of("nodes", "http", "accesslog", "document-processing", "document-api", "search");
    private static final String HOST = "here";
    private static final String HOSTS = "<hosts><host name=\"localhost\"><alias>" + HOST + "</alias></host></hosts>";
    private static final String BUNDLE = "rowferry";

    private final ApplicationModel model;
    private final int port;
    private Document xml;

    public ContainerPackage(ApplicationModel model, int port) {
        this.model = model;
        this.port = port;
    }

    /** Writes the package into {@code target}, which it creates. */
    public void write(Path application, Path target) throws IOException {
        copy(application, target);
        Files.writeString(target.resolve("hosts.xml"), HOSTS);
        try {
            xml = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(application.resolve("services.xml").toFile());
            rewrite(xml.getDocumentElement());
            TransformerFactory.newInstance().newTransformer()
                              .transform(new DOMSource(xml), new StreamResult(target.resolve("services.xml").toFile()));
        } catch (ParserConfigurationException | SAXException | TransformerException e) {
            throw new IOException("cannot rewrite services.xml: " + e.getMessage(), e);
        }
    }

    private static void copy(Path source, Path target) throws IOException {
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path copy = target.resolve(source.relativize(file).toString());
                if (Files.isDirectory(file)) Files.createDirectories(copy);
                else Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private void rewrite(Element services) {
        List<Element> containers = children(services, "container");
        Element one = xml.createElement("container");
        one.setAttribute("id", "default");
        one.setAttribute("version", "1.0");
        for (Element container : containers) {
            children(container, "*").stream().filter(child -> !DROPPED.contains(child.getTagName())).forEach(one::appendChild);
        }
        addDocumentApi(one, containers);
        addSearch(one, containers);
        Element server = add(add(one, "http"), "server");
        server.setAttribute("id", "default");
        server.setAttribute("port", Integer.toString(port));
        add(one, "accesslog").setAttribute("type", "disabled");
        addComponent(one, "com.yahoo.container.core.documentapi.StoreDocumentAccess");
        addComponent(one, "com.yahoo.jdisc.http.server.jetty.LoopbackFront");
        addConfigs(one);
        containers.forEach(services::removeChild);
        children(services, "admin").forEach(services::removeChild);
        services.insertBefore(one, services.getFirstChild());
        children(services, "content").forEach(this::reduce);
    }

    private void addDocumentApi(Element one, List<Element> containers) {
        containers.stream().flatMap(container -> children(container, "document-api").stream()).findFirst()
                  .ifPresent(one::appendChild);
    }

    private void addSearch(Element one, List<Element> containers) {
        List<Element> searches = containers.stream().flatMap(container -> children(container, "search").stream()).toList();
        if (searches.isEmpty()) return;
        Element search = searches.get(0);
        one.appendChild(search);
        for (String cluster : clusters()) {
            Element provider = add(search, "provider");
            provider.setAttribute("id", cluster);
            provider.setAttribute("type", "local");
            provider.setAttribute("cluster", cluster);
            Element searcher = add(provider, "searcher");
            searcher.setAttribute("id", "rowferry.devstack.search.StoreSearcher");
            searcher.setAttribute("bundle", BUNDLE);
        }
    }

    /** One node on this machine, which no one runs; documents that are not sent to be indexed. */
    private void reduce(Element content) {
        children(content, "documents").forEach(documents ->
                children(documents, "document-processing").forEach(documents::removeChild));
        for (String copies : List.of("min-redundancy", "redundancy")) {
            children(content, copies).forEach(each -> each.setTextContent("1"));
        }
        children(content, "engine").forEach(content::removeChild);
        children(content, "tuning").forEach(content::removeChild);
        Element nodes = xml.createElement("nodes");
        Element node = add(nodes, "node");
        node.setAttribute("hostalias", HOST);
        node.setAttribute("distribution-key", "0");
        List<Element> many = new ArrayList<>(children(content, "nodes"));
        many.addAll(children(content, "group"));
        content.insertBefore(nodes, many.get(0));
        many.forEach(content::removeChild);
    }

    private List<String> clusters() {
        return model.config(ClusterListConfig.class).storage().stream().map(ClusterListConfig.Storage::name).toList();
    }

    private void addConfigs(Element one) {
        Element list = add(config(one, "cloud.config.cluster-list"), "storage");
        clusters().forEach(cluster -> value(add(list, "item"), "name", cluster));

        Element spaces = add(config(one, "vespa.config.content.all-clusters-bucket-spaces"), "cluster");
        model.config(AllClustersBucketSpacesConfig.class).cluster().forEach((name, cluster) -> {
            Element types = add(item(spaces, name), "documentType");
            cluster.documentType().forEach((type, space) -> value(item(types, type), "bucketSpace", space.bucketSpace()));
        });

        Element policies = add(config(one, "documentapi.messagebus.protocol.document-protocol-policies"), "cluster");
        for (Map.Entry<String, DocumentProtocolPoliciesConfig.Cluster> each :
                model.config(DocumentProtocolPoliciesConfig.class).cluster().entrySet()) {
            Element policy = item(policies, each.getKey());
            value(policy, "defaultRoute", each.getValue().defaultRoute());
            value(policy, "selector", each.getValue().selector());
        }
        // Nothing to warm up for: five seconds less until the first answer.
        value(config(one, "vespa.config.search.dispatch"), "warmuptime", "0");
        value(config(one, "container.core.container-http"), "warmup", "false");
    }

    private void addComponent(Element container, String type) {
        Element component = add(container, "component");
        component.setAttribute("id", type);
        component.setAttribute("bundle", BUNDLE);
    }

    private Element config(Element container, String name) {
        Element config = add(container, "config");
        config.setAttribute("name", name);
        return config;
    }

    private Element item(Element map, String key) {
        Element item = add(map, "item");
        item.setAttribute("key", key);
        return item;
    }

    private void value(Element parent, String name, String text) {
        add(parent, name).setTextContent(text);
    }

    private Element add(Element parent, String name) {
        return (Element) parent.appendChild(xml.createElement(name));
    }

    private static List<Element> children(Element parent, String name) {
        List<Element> found = new ArrayList<>();
        NodeList nodes = parent.getChildNodes();
        for (int i = 0; i < nodes.getLength(); i++) {
            Node node = nodes.item(i);
            if (node instanceof Element element && (name.equals("*") || element.getTagName().equals(name))) found.add(element);
        }
        return found;
    }
}
