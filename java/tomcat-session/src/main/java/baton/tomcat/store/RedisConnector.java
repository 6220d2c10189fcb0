package baton.tomcat.store;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.MaintNotificationsConfig;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.SslOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.metrics.CommandLatencyRecorder;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.resource.ClientResources;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.io.File;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLParameters;

/** The one place that makes connections, to all servers. Lettuce neither queues, nor reconnects, nor times commands here. */
final class RedisConnector implements AutoCloseable {
  private static final String LOST_TYPE = "Lettuce gave a connection of another type";

  private final ReadingThreads threads = new ReadingThreads();
  private final ClientResources resources;
  private final RedisClient client;
  private final RedisUrl url;
  private final Timeouts timeouts;

  RedisConnector(RedisUrl url, Timeouts timeouts) {
    resources =
        ClientResources.builder()
            .ioThreadPoolSize(2)
            .computationThreadPoolSize(2)
            .commandLatencyRecorder(CommandLatencyRecorder.disabled())
            .threadFactoryProvider(RedisConnector::threads)
            .nettyCustomizer(threads)
            .build();
    client = RedisClient.create(resources);
    client.setOptions(optionsOf(url, timeouts));
    this.url = url;
    this.timeouts = timeouts;
  }

  /** Connected and logged in, with RESP3. */
  CompletableFuture<RedisConnection> connect(RedisAddress address, RedisLogin login, int database) {
    return client
        .connectAsync(ByteArrayCodec.INSTANCE, uriOf(address, login, database))
        .toCompletableFuture()
        .thenApply(
            connection -> {
              if (!(connection instanceof RedisChannelHandler)) throw new IllegalStateException(LOST_TYPE);
              @SuppressWarnings("unchecked")
              RedisChannelHandler<byte[], byte[]> handler = (RedisChannelHandler<byte[], byte[]>) connection;
              return new RedisConnection(handler, connection, threads);
            });
  }

  ScheduledFuture<?> later(Runnable work, long delayMs) {
    return resources.eventExecutorGroup().schedule(work, delayMs, TimeUnit.MILLISECONDS);
  }

  /** Threads that are not those of connections. */
  Executor executor() {
    return resources.eventExecutorGroup();
  }

  @Override
  public void close() {
    // One after the other: connections that close need threads.
    client.shutdownAsync(0, 1, TimeUnit.SECONDS).whenComplete((done, error) -> resources.shutdown(0, 1, TimeUnit.SECONDS));
  }

  private static ClientOptions optionsOf(RedisUrl url, Timeouts timeouts) {
    ClientOptions.Builder options =
        ClientOptions.builder()
            .autoReconnect(false)
            .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
            .protocolVersion(ProtocolVersion.RESP3)
            .timeoutOptions(TimeoutOptions.builder().timeoutCommands(false).build())
            .maintNotificationsConfig(MaintNotificationsConfig.disabled())
            .socketOptions(
                SocketOptions.builder()
                    .connectTimeout(Duration.ofMillis(timeouts.connectMs()))
                    .tcpNoDelay(true)
                    .keepAlive(true)
                    .build());
    if (url.isTls()) options.sslOptions(sslOf(url));
    return options.build();
  }

  private static SslOptions sslOf(RedisUrl url) {
    SslOptions.Builder options = SslOptions.builder().jdkSslProvider();
    File ca = url.file("ca");
    File certificate = url.file("cert");
    File key = url.file("key");
    if (ca != null) options.trustManager(ca);
    if (certificate != null && key != null) options.keyManager(certificate, key, null);
    // Java checks a certificate against the name that it has asked for.
    if (url.serverName() != null) options.sslParameters(() -> parametersFor(url.serverName()));
    return options.build();
  }

  private static SSLParameters parametersFor(String serverName) {
    SSLParameters parameters = new SSLParameters();
    parameters.setServerNames(List.of(new SNIHostName(serverName)));
    return parameters;
  }

  private RedisURI uriOf(RedisAddress address, RedisLogin login, int database) {
    RedisURI.Builder uri =
        RedisURI.builder()
            .withHost(address.host())
            .withPort(address.port())
            .withSsl(url.isTls())
            .withVerifyPeer(true)
            .withDatabase(database)
            .withTimeout(Duration.ofMillis(timeouts.connectMs()));
    char[] password = login.password().toCharArray();
    if (!login.username().isEmpty()) uri.withAuthentication(login.username(), password);
    else if (password.length > 0) uri.withPassword(password);
    return uri.build();
  }

  /** Started by whichever request comes first, a thread would keep the class loader of its web application alive. */
  private static ThreadFactory threads(String pool) {
    return work -> {
      Thread thread = new FastThreadLocalThread(work, "baton-redis-" + pool);
      thread.setDaemon(true);
      thread.setContextClassLoader(RedisConnector.class.getClassLoader());
      return thread;
    };
  }
}
