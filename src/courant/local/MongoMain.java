import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;

/**
 * The embedded MongoDB-protocol server: MongoMain FILE HOST PORT.
 * The library's own main takes no address. Compiled at start by Janino, which PySpark ships: a JRE has no compiler.
 */
public class MongoMain {
    public static void main(String[] arguments) throws Exception {
        H2Backend backend = new H2Backend(arguments[0]);
        backend.version(ServerVersion.MONGO_5_0);
        final MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread() {
            public void run() {
                server.shutdown(); // closes the file: nothing of the last second is lost at SIGTERM
            }
        });
        try {
            server.bind(arguments[1], Integer.parseInt(arguments[2]));
        } catch (Exception error) {
            error.printStackTrace();
            System.exit(1); // its threads would keep the process alive without a port
        }
    }
}
