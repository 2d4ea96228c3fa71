package crossdock.conversion;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Gets from one other dock, each answer into a buffer of the caller's and never beyond it, over as
 * many connections as are asked on at once; they are kept. HTTP/1.1 (RFC 9112) by Netty, whose TLS
 * is native code where there is some for the platform. Thread-safe.
 */
final class DockClient implements AutoCloseable {
  private static final int HTTPS = 443;
  private static final int CONNECT_MILLIS = 10_000;
  private static final int LONGEST_HEAD = 8 << 10;
  private static final int LONGEST_PART = 128 << 10;

  /**
   * What came, beside the bytes.
   *
   * @param coding the content coding
   * @param date when it was sent, by the other side's clock, in whole seconds (RFC 9110 section
   *     6.6.1)
   */
  record Answer(int status, Optional<String> coding, Optional<Instant> date) {}

  private final EventLoopGroup loops;
  private final Bootstrap bootstrap;
  private final String host;
  private final Queue<Exchange> idle = new ConcurrentLinkedQueue<>();

  /**
   * @param tls says who is spoken to
   * @param dock where it is; {@code https}
   */
  DockClient(SslContext tls, URI dock) {
    int port = dock.getPort() < 0 ? HTTPS : dock.getPort();
    this.host = dock.getHost() + ":" + port;
    this.loops =
        new MultiThreadIoEventLoopGroup(
            Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 4),
            NioIoHandler.newFactory());
    this.bootstrap =
        new Bootstrap()
            .group(loops)
            .channel(NioSocketChannel.class)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
            .remoteAddress(dock.getHost(), port)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    channel
                        .pipeline()
                        .addLast(tls.newHandler(channel.alloc(), dock.getHost(), port))
                        .addLast(new HttpClientCodec(LONGEST_HEAD, LONGEST_HEAD, LONGEST_PART))
                        .addLast(new Exchange(channel));
                  }
                });
  }

  /**
   * Asks for a path.
   *
   * @param accept a content coding to offer
   * @param into gets the body of an answer 200, those of others are dropped; nobody else may touch
   *     it until the answer is there
   * @return completed, also exceptionally, when the answer is there to its end; cancelling it gives
   *     the connection up
   */
  CompletableFuture<Answer> get(String path, Optional<String> accept, ByteBuffer into) {
    CompletableFuture<Answer> answer = new CompletableFuture<>();
    FullHttpRequest request =
        new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, path);
    request.headers().set(HttpHeaderNames.HOST, host);
    accept.ifPresent(coding -> request.headers().set(HttpHeaderNames.ACCEPT_ENCODING, coding));
    Exchange kept = idle.poll();
    while (kept != null && !kept.channel.isActive()) {
      kept = idle.poll();
    }
    if (kept != null) {
      ask(kept, request, into, answer, true);
    } else {
      connect(request, into, answer);
    }
    return answer;
  }

  private void connect(FullHttpRequest request, ByteBuffer into, CompletableFuture<Answer> answer) {
    ChannelFuture connecting = bootstrap.connect();
    var _ =
        connecting.addListener(
            done -> {
              if (done.isSuccess()) {
                Exchange exchange = connecting.channel().pipeline().get(Exchange.class);
                ask(exchange, request, into, answer, false);
              } else {
                answer.completeExceptionally(done.cause());
              }
            });
  }

  /**
   * @param kept whether the connection has been idle: the other side may just have closed it
   */
  private void ask(
      Exchange exchange,
      FullHttpRequest request,
      ByteBuffer into,
      CompletableFuture<Answer> answer,
      boolean kept) {
    CompletableFuture<Answer> here = new CompletableFuture<>();
    Channel channel = exchange.channel;
    var _ =
        here.whenComplete(
            (good, failure) -> {
              if (failure == null) {
                answer.complete(good);
              } else if (kept && !exchange.answered && !answer.isDone()) {
                connect(request.retain(), into, answer);
              } else {
                answer.completeExceptionally(failure);
              }
              request.release();
            });
    var _ =
        answer.whenComplete(
            (_, _) -> {
              if (answer.isCancelled()) {
                var _ = channel.close();
              }
            });
    channel
        .eventLoop()
        .execute(
            () -> {
              exchange.begin(into, here);
              var _ =
                  channel
                      .writeAndFlush(request.retain())
                      .addListener(
                          sent -> {
                            if (!sent.isSuccess()) {
                              exchange.fail(sent.cause());
                            }
                          });
            });
  }

  @Override
  public void close() {
    var _ =
        loops.shutdownGracefully(0, CONNECT_MILLIS, TimeUnit.MILLISECONDS).syncUninterruptibly();
  }

  /** What one connection is at. On its event loop alone. */
  private final class Exchange extends SimpleChannelInboundHandler<HttpObject> {
    private final Channel channel;
    private @Nullable ByteBuffer into;
    private @Nullable CompletableFuture<Answer> waiting;
    private @Nullable Answer head;
    private boolean keep;
    private volatile boolean answered;

    Exchange(Channel channel) {
      this.channel = channel;
    }

    void begin(ByteBuffer into, CompletableFuture<Answer> waiting) {
      this.into = into;
      this.waiting = waiting;
      this.head = null;
      this.answered = false;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, HttpObject part) throws IOException {
      if (waiting == null || part.decoderResult().isFailure()) {
        throw new IOException("no answer in HTTP/1.1", part.decoderResult().cause());
      }
      answered = true;
      if (part instanceof HttpResponse response) {
        if (response.status().codeClass() == HttpStatusClass.INFORMATIONAL) {
          throw new IOException("an answer that nobody asked for: " + response.status());
        }
        keep = HttpUtil.isKeepAlive(response);
        head =
            new Answer(
                response.status().code(),
                Optional.ofNullable(response.headers().get(HttpHeaderNames.CONTENT_ENCODING)),
                date(response));
      }
      if (part instanceof HttpContent content && head != null && head.status() == 200) {
        take(content.content());
      }
      if (part instanceof LastHttpContent) {
        end(context);
      }
    }

    private static Optional<Instant> date(HttpResponse response) {
      Long millis = response.headers().getTimeMillis(HttpHeaderNames.DATE);
      return Optional.ofNullable(millis).map(Instant::ofEpochMilli);
    }

    private void take(ByteBuf bytes) throws IOException {
      ByteBuffer room = Objects.requireNonNull(into);
      int length = bytes.readableBytes();
      if (length > room.remaining()) {
        throw new IOException("an answer of more than " + room.capacity() + " bytes");
      }
      int end = room.position() + length;
      bytes.readBytes(room.duplicate().limit(end));
      room.position(end);
    }

    private void end(ChannelHandlerContext context) {
      CompletableFuture<Answer> done = Objects.requireNonNull(waiting);
      Answer answer = Objects.requireNonNull(head);
      waiting = null;
      into = null;
      if (keep) {
        idle.add(this);
      } else {
        var _ = context.close();
      }
      done.complete(answer);
    }

    private void fail(Throwable cause) {
      CompletableFuture<Answer> failed = waiting;
      waiting = null;
      into = null;
      if (failed != null) {
        failed.completeExceptionally(cause);
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      var _ = context.close();
      fail(cause);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      fail(new IOException("the connection was closed"));
    }
  }
}
