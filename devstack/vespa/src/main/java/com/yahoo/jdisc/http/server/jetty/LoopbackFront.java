package com.yahoo.jdisc.http.server.jetty;

import com.yahoo.component.AbstractComponent;
import com.yahoo.component.annotation.Inject;
import com.yahoo.container.core.documentapi.StoreDocumentAccess;
import com.yahoo.container.core.documentapi.VespaDocumentAccess;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import rowferry.devstack.server.Control;
import rowferry.devstack.server.FrontHandler;
import rowferry.devstack.server.Running;

/**
 * Binds Vespa's HTTP server to 127.0.0.1 and puts our handler in front of it.
 *
 * <p>The connector's config has no listen address. All components are made before the container starts its
 * servers, so this one can still change the Jetty server it is given. It lies in this package because
 * {@code JettyHttpServer.server()} is package-private.
 */
public final class LoopbackFront extends AbstractComponent {

    @Inject
    public LoopbackFront(JettyHttpServer http, VespaDocumentAccess access) {
        Server server = http.server();
        for (Connector connector : server.getConnectors()) ((ServerConnector) connector).setHost("127.0.0.1");
        StoreDocumentAccess store = (StoreDocumentAccess) access;
        Control control = new Control(Running.faults(), store.store(), store.operations());
        server.setHandler(new FrontHandler(server.getHandler(), Running.faults(), control));
    }
}
