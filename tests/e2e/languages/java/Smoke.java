// SPDX-License-Identifier: Apache-2.0

import com.svix.Svix;
import com.svix.SvixOptions;
import com.svix.exceptions.ApiException;
import com.svix.models.ApplicationIn;
import com.svix.models.EndpointIn;
import com.svix.models.EventTypeIn;
import com.svix.models.MessageIn;
import java.net.URI;

/**
 * The flow of a product that uses Svix, with the Java client as it comes: arguments are server URL, token, receiver URL.
 * Prints the endpoint's secret and the message's id for whoever checks what arrived.
 */
public class Smoke {
    public static void main(String[] args) throws Exception {
        var options = new SvixOptions();
        options.setServerUrl(args[0]);
        var svix = new Svix(args[1], options);
        svix.getEventType().create(new EventTypeIn().name("java.tried").description("Tried from Java"));
        var app = svix.getApplication().create(new ApplicationIn().name("Java").uid("java"));
        var endpoint = svix.getEndpoint().create(app.getId(), new EndpointIn().url(URI.create(args[2])));
        var secret = svix.getEndpoint().getSecret("java", endpoint.getId()).getKey();
        var message = svix.getMessage().create("java",
                new MessageIn().eventType("java.tried").eventId("java-1").payload("{\"from\":\"java\"}"));
        expect(409, () -> svix.getMessage().create("java",
                new MessageIn().eventType("java.tried").eventId("java-1").payload("{}")));
        var attempts = svix.getMessageAttempt().listByMsg("java", message.getId()).getData();
        for (int i = 0; i < 200 && attempts.isEmpty(); i++) {
            Thread.sleep(50);
            attempts = svix.getMessageAttempt().listByMsg("java", message.getId()).getData();
        }
        if (!attempts.get(0).getEndpointId().equals(endpoint.getId())) {
            throw new AssertionError(attempts);
        }
        expect(422, () -> svix.getApplication().create(new ApplicationIn().name("")));
        svix.getEndpoint().delete("java", endpoint.getId());
        System.out.printf("{\"secret\":\"%s\",\"message\":\"%s\"}%n", secret, message.getId());
        System.exit(0); // the client's threads would linger
    }

    private interface Call {
        Object run() throws Exception;
    }

    private static void expect(int status, Call call) throws Exception {
        try {
            call.run();
        } catch (ApiException e) {
            if (e.getCode() == status) {
                return;
            }
            throw e;
        }
        throw new AssertionError("accepted, not " + status);
    }
}
