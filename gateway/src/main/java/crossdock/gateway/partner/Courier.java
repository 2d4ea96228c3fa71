package crossdock.gateway.partner;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Brings one request to one address that somebody has looked at: no name is resolved here, no
 * redirect followed, no proxy asked, nothing tried twice, and of the answer nothing is read but its
 * status. A certificate must be for the host that the URL names. Thread-safe.
 */
@Singleton
final class Courier implements AutoCloseable {
  /** For everything from the connection to the answer's status. */
  static final Duration PATIENCE = Duration.ofSeconds(20);

  private static final int CONNECT_MILLIS = 5_000;
  private static final int LONGEST_LINE = 4 << 10;
  private static final int LONGEST_HEADERS = 16 << 10;

  private final SslContext tls;
  private final Duration patience;
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

  /** Trusts whom this Java trusts. */
  @Inject
  Courier() throws SSLException {
    this(SslContextBuilder.forClient(), PATIENCE);
  }

  Courier(SslContextBuilder tls, Duration patience) throws SSLException {
    this.tls = tls.protocols("TLSv1.3", "TLSv1.2").endpointIdentificationAlgorithm("HTTPS").build();
    this.patience = patience;
  }

  /**
   * Posts {@code body}.
   *
   * @param address of the host that {@code url} names
   * @return the status of the answer
   * @throws IOException if there is none; with one sentence for the owner of the receiver
   */
  int post(URI url, InetAddress address, Map<String, String> headers, byte[] body)
      throws IOException, InterruptedException {
    CompletableFuture<Integer> status = new CompletableFuture<>();
    ChannelFuture connected =
        new Bootstrap()
            .group(group)
            .channel(NioSocketChannel.class)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
            .handler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    if ("https".equals(url.getScheme())) {
                      channel
                          .pipeline()
                          .addLast(
                              tls.newHandler(channel.alloc(), Guard.host(url), Guard.port(url)));
                    }
                    channel
                        .pipeline()
                        .addLast(
                            new HttpClientCodec(LONGEST_LINE, LONGEST_HEADERS, LONGEST_LINE),
                            new Answer(status));
                  }
                })
            .connect(new InetSocketAddress(address, Guard.port(url)));
    Channel channel = connected.channel();
    connected.addListener(
        done -> {
          if (done.isSuccess()) {
            channel
                .writeAndFlush(request(url, headers, body))
                .addListener(sent -> fail(status, sent.cause()));
          } else {
            fail(status, done.cause());
          }
        });
    try {
      return status.get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new IOException("no answer within " + patience.toSeconds() + " seconds", e);
    } catch (ExecutionException e) {
      throw new IOException(sentence(e.getCause()), e);
    } finally {
      var _ = channel.close();
    }
  }

  private static DefaultFullHttpRequest request(URI url, Map<String, String> headers, byte[] body) {
    String path = url.getRawPath().isEmpty() ? "/" : url.getRawPath();
    String target = url.getRawQuery() == null ? path : path + "?" + url.getRawQuery();
    DefaultFullHttpRequest request =
        new DefaultFullHttpRequest(
            HttpVersion.HTTP_1_1, HttpMethod.POST, target, Unpooled.wrappedBuffer(body));
    request
        .headers()
        .set(HttpHeaderNames.HOST, url.getRawAuthority())
        .set(HttpHeaderNames.USER_AGENT, "crossdock")
        .set(HttpHeaderNames.CONNECTION, "close")
        .set(HttpHeaderNames.CONTENT_LENGTH, body.length);
    headers.forEach(request.headers()::set);
    return request;
  }

  private static void fail(CompletableFuture<Integer> status, @Nullable Throwable cause) {
    if (cause != null) {
      status.completeExceptionally(cause);
    }
  }

  /** What went wrong below the protocol is told as far as it is the receiver's own. */
  private static String sentence(@Nullable Throwable cause) {
    for (Throwable each = cause; each != null; each = each.getCause()) {
      if (each instanceof SSLException) {
        return "TLS: " + each.getMessage();
      }
      if (each instanceof ConnectException) {
        return "no connection";
      }
    }
    return "the connection broke off";
  }

  private static final class Answer extends SimpleChannelInboundHandler<HttpObject> {
    private final CompletableFuture<Integer> status;

    Answer(CompletableFuture<Integer> status) {
      this.status = status;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext channel, HttpObject part) {
      if (part.decoderResult().isFailure()) {
        status.completeExceptionally(part.decoderResult().cause());
      } else if (part instanceof HttpResponse answer && answer.status().code() >= 200) {
        status.complete(answer.status().code());
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext channel) {
      status.completeExceptionally(new IOException("closed"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext channel, Throwable cause) {
      status.completeExceptionally(cause);
    }
  }

  @Override
  @PreDestroy
  public void close() {
    var _ = group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
