import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * Amazon's DynamoDB Local on the loopback interface only: by itself it listens on every interface and has no option for it.
 * Takes its options, and -Dport=N (default: a free one). Prints `listening PORT`. With -DwhileStdin=true it ends when its standard input does.
 */
final class LoopbackDynamoDb {
  public static void main(String[] args) throws Exception {
    DynamoDBProxyServer dynamo = ServerRunner.createServerFromCommandLineArgs(args);
    var field = DynamoDBProxyServer.class.getDeclaredField("server");
    field.setAccessible(true);
    var connector = (ServerConnector) ((Server) field.get(dynamo)).getConnectors()[0];
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.getInteger("port", 0));
    dynamo.start();
    System.out.println("listening " + connector.getLocalPort());
    System.out.flush();
    if (!Boolean.getBoolean("whileStdin")) dynamo.join();
    while (System.in.read() >= 0) { }
    Runtime.getRuntime().halt(0);
  }
}
