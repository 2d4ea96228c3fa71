package crossdock.disk.ova;

import static crossdock.disk.ImageBytes.bad;
import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.disk.BadImageException;
import crossdock.disk.BadImageException.Reason;
import crossdock.disk.ImageBytes;
import crossdock.disk.ova.OvfManifest.Digest;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An OVF package in one file: an uncompressed tar of the descriptor, the manifest and the disks
 * (DMTF DSP0243, "Distribution as a single file"). Any thread may read from an open one. Closing
 * closes the archive.
 *
 * <p>A tar says how long a file is before the file. A disk whose form has no known length, such as
 * a compressed one, is made twice, the first time to nowhere: {@link Content#measured}.
 */
public final class Ova implements Closeable {
  /** More than any archive or member may have: 64 TiB. */
  static final long MOST_BYTES = 1L << 46;

  private static final int COPIED_AT_ONCE = 64 << 10;

  /** A file in the archive; offset and size are in bytes. */
  public record Member(String name, long offset, long size) {}

  private final ImageBytes archive;
  private final Map<String, Member> members;
  private final OvfDescriptor descriptor;
  private final Optional<OvfManifest> manifest;

  private Ova(
      ImageBytes archive,
      Map<String, Member> members,
      OvfDescriptor descriptor,
      Optional<OvfManifest> manifest) {
    this.archive = archive;
    this.members = members;
    this.descriptor = descriptor;
    this.manifest = manifest;
  }

  /**
   * Opens one, reading its headers, descriptor and manifest; no digest is compared.
   *
   * @throws BadImageException for anything but plain files with plain names, for a descriptor that
   *     is refused or not the first file, and if a file of the descriptor is missing
   */
  public static Ova open(ImageBytes archive) throws IOException {
    Map<String, Member> members = new LinkedHashMap<>();
    Tar.read(archive, member -> members.put(member.name(), member));
    OvfDescriptor descriptor = null;
    Optional<OvfManifest> manifest = Optional.empty();
    for (Member member : members.values()) {
      if (descriptor == null) {
        descriptor = OvfDescriptor.read(descriptor(archive, member));
      } else if (is(member, ".mf")) {
        manifest = Optional.of(manifest(archive, member));
      }
    }
    if (descriptor == null) {
      throw bad(Reason.WRONG_FORMAT, 0, "an empty archive", "a descriptor");
    }
    Ova ova = new Ova(archive, members, descriptor, manifest);
    for (OvfDescriptor.File file : descriptor.files()) {
      ova.member(file);
    }
    return ova;
  }

  public OvfDescriptor descriptor() {
    return descriptor;
  }

  public Optional<OvfManifest> manifest() {
    return manifest;
  }

  /** All files, in their order. */
  public List<Member> members() {
    return List.copyOf(members.values());
  }

  /** The archive's member that is this file of the descriptor. */
  public Member member(OvfDescriptor.File file) throws BadImageException {
    return find(members, file);
  }

  /** The archive's member that holds a disk, if one does. */
  public Optional<Member> member(OvfDescriptor.Disk disk) throws BadImageException {
    for (OvfDescriptor.File file : descriptor.files()) {
      if (file.id().equals(disk.file())) {
        return Optional.of(member(file));
      }
    }
    return Optional.empty();
  }

  /** The bytes of a member from front to back. */
  public InputStream stream(Member member) {
    return stream(bytes(member));
  }

  /** The bytes of a member; closing them does nothing. */
  public ImageBytes bytes(Member member) {
    return window(archive, member);
  }

  /**
   * Reads every file and compares its digest.
   *
   * @throws BadImageException if one differs, or is not in the manifest, or there is no manifest
   */
  public void verify() throws IOException {
    OvfManifest digests =
        manifest.orElseThrow(() -> bad(Reason.BAD_CHECKSUM, 0, "no manifest", "one"));
    Map<String, List<Digest>> found = new HashMap<>();
    for (Member member : members.values()) {
      if (!is(member, ".mf") && !is(member, ".cert")) {
        Digesting digesting = new Digesting(stream(bytes(member)), digests.of(member.name()));
        digesting.content().transferTo(OutputStream.nullOutputStream());
        found.put(member.name(), digesting.found());
      }
    }
    compare(digests, found);
  }

  @Override
  public void close() throws IOException {
    archive.close();
  }

  /** Takes files as they come by; what is left of one when this returns is skipped. */
  @FunctionalInterface
  public interface Contents {
    void file(OvfDescriptor descriptor, Member member, InputStream content) throws IOException;
  }

  /**
   * Reads one from front to back and compares digests on the way, in the end those of a manifest
   * that comes last: what was taken counts only when this has returned.
   *
   * @param contents sees all files but descriptor, manifest and certificate
   * @throws BadImageException as {@link #open}, and if a digest differs; without a manifest nothing
   *     is compared
   */
  public static OvfDescriptor read(InputStream in, Contents contents) throws IOException {
    ImageBytes archive = forward(in);
    Passing passing = new Passing(archive, contents);
    Tar.read(archive, passing::member);
    return passing.finish();
  }

  /** What is known while an archive passes by. */
  private static final class Passing {
    private final ImageBytes archive;
    private final Contents contents;
    private final Map<String, Member> members = new LinkedHashMap<>();
    private final Map<String, List<Digest>> digests = new HashMap<>();
    private @Nullable OvfDescriptor descriptor;
    private @Nullable OvfManifest manifest;

    Passing(ImageBytes archive, Contents contents) {
      this.archive = archive;
      this.contents = contents;
    }

    void member(Member member) throws IOException {
      members.put(member.name(), member);
      OvfDescriptor known = descriptor;
      if (known == null) {
        byte[] bytes = descriptor(archive, member);
        descriptor = OvfDescriptor.read(bytes);
        digests.put(
            member.name(),
            Digest.ALGORITHMS.stream().map(algorithm -> Digest.of(algorithm, bytes)).toList());
      } else if (is(member, ".mf")) {
        manifest = Ova.manifest(archive, member);
      } else if (!is(member, ".cert")) {
        Optional<Digest> expected = Optional.ofNullable(manifest).flatMap(m -> m.of(member.name()));
        Digesting digesting = new Digesting(stream(window(archive, member)), expected);
        contents.file(known, member, digesting.content());
        digesting.content().transferTo(OutputStream.nullOutputStream());
        digests.put(member.name(), digesting.found());
      }
    }

    OvfDescriptor finish() throws IOException {
      OvfDescriptor known = descriptor;
      if (known == null) {
        throw bad(Reason.WRONG_FORMAT, 0, "an empty archive", "a descriptor");
      }
      for (OvfDescriptor.File file : known.files()) {
        find(members, file);
      }
      if (manifest != null) {
        compare(manifest, digests);
      }
      return known;
    }
  }

  /** Digests by the expected algorithm, or by all as long as nobody knows. */
  private record Digesting(InputStream content, List<MessageDigest> digests, List<String> names) {
    Digesting(InputStream from, Optional<Digest> expected) {
      this(from, expected.map(Digest::algorithm).map(List::of).orElse(Digest.ALGORITHMS));
    }

    private Digesting(InputStream from, List<String> names) {
      List<MessageDigest> digests = names.stream().map(Digest::digester).toList();
      InputStream content = from;
      for (MessageDigest digest : digests) {
        content = new Digested(content, digest);
      }
      this(content, digests, names);
    }

    List<Digest> found() {
      List<Digest> found = new ArrayList<>();
      for (int i = 0; i < names.size(); i++) {
        found.add(new Digest(names.get(i), HexFormat.of().formatHex(digests.get(i).digest())));
      }
      return found;
    }
  }

  /** What is skipped is digested, too. */
  private static final class Digested extends DigestInputStream {
    Digested(InputStream from, MessageDigest digest) {
      super(from, digest);
    }

    @Override
    public long skip(long bytes) throws IOException {
      byte[] some = new byte[Math.clamp(bytes, 0, COPIED_AT_ONCE)];
      return Math.max(0, read(some));
    }
  }

  private static void compare(OvfManifest manifest, Map<String, List<Digest>> found)
      throws BadImageException {
    for (Map.Entry<String, List<Digest>> file : found.entrySet()) {
      Optional<Digest> expected = manifest.of(file.getKey());
      if (expected.isEmpty() || !file.getValue().contains(expected.get())) {
        throw bad(Reason.BAD_CHECKSUM, 0, "another " + file.getKey(), "that of the manifest");
      }
    }
    if (!found.keySet().containsAll(manifest.digests().keySet())) {
      throw bad(Reason.BAD_CHECKSUM, 0, "fewer files", "those of the manifest");
    }
  }

  private static Member find(Map<String, Member> members, OvfDescriptor.File file)
      throws BadImageException {
    Member member = members.get(file.href());
    if (member == null) {
      member = members.get(decoded(file.href()));
    }
    if (member == null) {
      throw bad(Reason.FOREIGN_REFERENCE, 0, "a file that is not there", "one that is");
    }
    return member;
  }

  private static String decoded(String href) {
    try {
      return URLDecoder.decode(href.replace("+", "%2B"), UTF_8);
    } catch (IllegalArgumentException e) {
      return href;
    }
  }

  private static boolean is(Member member, String ending) {
    return member.name().toLowerCase(Locale.ROOT).endsWith(ending);
  }

  private static byte[] descriptor(ImageBytes archive, Member first) throws IOException {
    if (!is(first, ".ovf")) {
      throw bad(Reason.WRONG_FORMAT, first.offset(), "another file", "the descriptor first");
    }
    return all(archive, first, OvfDescriptor.LONGEST);
  }

  private static OvfManifest manifest(ImageBytes archive, Member member) throws IOException {
    return OvfManifest.parse(all(archive, member, OvfManifest.LONGEST));
  }

  private static byte[] all(ImageBytes archive, Member member, int most) throws IOException {
    int length = (int) ImageBytes.range(member.offset(), "size", member.size(), 0, most);
    ByteBuffer bytes = ByteBuffer.allocate(length);
    archive.read(member.offset(), bytes);
    return bytes.array();
  }

  private static ImageBytes window(ImageBytes archive, Member member) {
    return new ImageBytes(
        member.size(),
        (into, offset) -> {
          int length = into.remaining();
          archive.read(member.offset() + offset, into);
          return length;
        },
        () -> {});
  }

  /** An archive that comes by once: what was passed cannot be read again. */
  private static ImageBytes forward(InputStream in) {
    long[] at = {0};
    return new ImageBytes(
        Long.MAX_VALUE,
        (into, offset) -> {
          if (offset < at[0]) {
            throw new IllegalStateException("already passed " + offset);
          }
          try {
            in.skipNBytes(offset - at[0]);
          } catch (EOFException e) {
            return -1;
          }
          byte[] some = new byte[Math.min(COPIED_AT_ONCE, into.remaining())];
          int read = in.read(some);
          into.put(some, 0, Math.max(0, read));
          at[0] = offset + Math.max(0, read);
          return read;
        },
        in);
  }

  private static InputStream stream(ImageBytes bytes) {
    return new InputStream() {
      private long at;

      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] into, int from, int length) throws IOException {
        if (length == 0) {
          return 0;
        }
        int part = (int) Math.min(length, bytes.size() - at);
        if (part == 0) {
          return -1;
        }
        bytes.read(at, ByteBuffer.wrap(into, from, part));
        at += part;
        return part;
      }
    };
  }

  // Writing.

  /** Writes all of a file's bytes. */
  @FunctionalInterface
  public interface Source {
    void writeTo(WritableByteChannel to) throws IOException;
  }

  /**
   * A file to be packed.
   *
   * @param size exactly what the source will write, in bytes
   * @param sha256 in hexadecimal, if known before
   */
  public record Content(String name, long size, Optional<String> sha256, Source source) {
    /**
     * A file of a size that only its making tells, such as a compressed disk: it is made here, to
     * nowhere, and again when it is packed.
     *
     * @param source writes the same bytes every time
     */
    public static Content measured(String name, Source source) throws IOException {
      Counting counting =
          new Counting(Channels.newChannel(OutputStream.nullOutputStream()), MOST_BYTES);
      source.writeTo(counting);
      String sha256 = HexFormat.of().formatHex(counting.digest.digest());
      return new Content(name, MOST_BYTES - counting.left, Optional.of(sha256), source);
    }
  }

  /**
   * Writes one front to back: the descriptor, the manifest if all digests are known before and
   * otherwise at the end, and the disks.
   *
   * @param name of the package: what descriptor and manifest are called, without extension
   * @param contents the files of the descriptor, in its order
   * @throws IllegalArgumentException if they are not those of the descriptor
   * @throws IOException also if a source writes more or less than it said, or other bytes
   */
  public static void write(
      WritableByteChannel to, String name, OvfDescriptor descriptor, List<Content> contents)
      throws IOException {
    List<String> hrefs = descriptor.files().stream().map(OvfDescriptor.File::href).toList();
    if (!hrefs.equals(contents.stream().map(Content::name).toList())) {
      throw new IllegalArgumentException("other files than the descriptor's");
    }
    byte[] ovf = descriptor.write();
    Map<String, Digest> digests = new LinkedHashMap<>();
    digests.put(name + ".ovf", Digest.of(Digest.SHA256, ovf));
    pack(to, name + ".ovf", ovf);
    boolean known = contents.stream().allMatch(content -> content.sha256().isPresent());
    for (Content content : contents) {
      content
          .sha256()
          .ifPresent(hex -> digests.put(content.name(), new Digest(Digest.SHA256, hex)));
    }
    if (known) {
      pack(to, name + ".mf", new OvfManifest(digests).bytes());
    }
    for (Content content : contents) {
      Digest found = pack(to, content);
      Digest expected = digests.put(content.name(), found);
      if (expected != null && !expected.equals(found)) {
        throw new IOException("other bytes of " + content.name() + " than were digested before");
      }
    }
    if (!known) {
      pack(to, name + ".mf", new OvfManifest(digests).bytes());
    }
    put(to, ByteBuffer.allocate(2 * Tar.BLOCK));
  }

  private static void pack(WritableByteChannel to, String name, byte[] bytes) throws IOException {
    Content content =
        new Content(name, bytes.length, Optional.empty(), c -> put(c, ByteBuffer.wrap(bytes)));
    pack(to, content);
  }

  private static Digest pack(WritableByteChannel to, Content content) throws IOException {
    put(to, Tar.header(content.name(), content.size()));
    Counting counting = new Counting(to, content.size());
    content.source().writeTo(counting);
    if (counting.left != 0) {
      throw new IOException(content.name() + " ends " + counting.left + " bytes too early");
    }
    put(to, ByteBuffer.allocate((int) (Tar.padded(content.size()) - content.size())));
    return new Digest(Digest.SHA256, HexFormat.of().formatHex(counting.digest.digest()));
  }

  private static void put(WritableByteChannel to, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  /** Digests what goes through, and lets no more through than was said. */
  private static final class Counting implements WritableByteChannel {
    private final WritableByteChannel to;
    private final MessageDigest digest = Digest.digester(Digest.SHA256);
    private long left;

    Counting(WritableByteChannel to, long size) {
      this.to = to;
      this.left = size;
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      if (bytes.remaining() > left) {
        throw new IOException("a file longer than it was said to be");
      }
      ByteBuffer same = bytes.duplicate();
      int written = to.write(bytes);
      digest.update(same.limit(same.position() + written));
      left -= written;
      return written;
    }

    @Override
    public boolean isOpen() {
      return to.isOpen();
    }

    @Override
    public void close() throws IOException {
      to.close();
    }
  }
}
