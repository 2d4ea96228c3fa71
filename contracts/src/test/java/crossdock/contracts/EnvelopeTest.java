package crossdock.contracts;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnvelopeTest {
  private static final Parties PARTIES = new Parties();
  private static final byte[] PAYLOAD = "{\"a\":1}".getBytes(UTF_8);

  /** secure-systems-lab/dsse, protocol.md, "Test Vectors". */
  @Test
  void theExampleOfTheSpecificationVerifies() throws Exception {
    Envelope envelope =
        Json.read(
            """
            {"payload": "aGVsbG8gd29ybGQ=",
             "payloadType": "http://example.com/HelloWorld",
             "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}
            """,
            Envelope.class);
    byte[] signed = Envelope.pae(envelope.payloadType(), envelope.bytes());
    assertThat(new String(signed, UTF_8))
        .isEqualTo("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
    curve.init(new ECGenParameterSpec("secp256r1"));
    PublicKey key =
        KeyFactory.getInstance("EC")
            .generatePublic(
                new ECPublicKeySpec(
                    new ECPoint(
                        new BigInteger(
                            "46950820868899156662930047687818585632848591499744589407958293238635476079160"),
                        new BigInteger(
                            "5640078356564379163099075877009565129882514886557779369047442380624545832820")),
                    curve.getParameterSpec(ECParameterSpec.class)));
    // the example signs in raw r and s; ours are DER
    Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
    signature.initVerify(key);
    signature.update(signed);
    assertThat(signature.verify(envelope.signatures().getFirst().bytes())).isTrue();
  }

  @Test
  void lengthsAreCountedInBytesNotInCharacters() {
    assertThat(new String(Envelope.pae("é", "ü!".getBytes(UTF_8)), UTF_8))
        .isEqualTo("DSSEv1 2 é 3 ü!");
  }

  @Test
  void bothAlphabetsOfBase64AreRead() {
    Envelope.Signature signature =
        new Envelope.Signature("AA==", Optional.empty(), Optional.empty());
    assertThat(new Envelope("-_8=", "t", List.of(signature)).bytes())
        .isEqualTo(new Envelope("+/8=", "t", List.of(signature)).bytes());
    assertThatThrownBy(() -> new Envelope("%%", "t", List.of(signature)))
        .isInstanceOf(Refused.class);
  }

  @Test
  void anEnvelopeHasExactlyOneSignature() {
    Envelope.Signature one = new Envelope.Signature("AA==", Optional.empty(), Optional.empty());
    assertThatThrownBy(() -> new Envelope("", "t", List.of())).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> new Envelope("", "t", List.of(one, one))).isInstanceOf(Refused.class);
  }

  @Test
  void anEnvelopeSurvivesTheWireAndNamesItsSigner() {
    Envelope envelope = PARTIES.source.sign("t", PAYLOAD);
    Envelope read = Json.read(Json.bytes(envelope), Envelope.class);
    assertThat(read).isEqualTo(envelope);
    assertThat(read.bytes()).isEqualTo(PAYLOAD);
    assertThat(PARTIES.trust.signer(read)).isEqualTo(Sample.SOURCE);
  }

  @Test
  void aSignatureHoldsForOnePayloadAndOneType() {
    Envelope envelope = PARTIES.source.sign("t", PAYLOAD);
    Envelope otherType = new Envelope(envelope.payload(), "u", envelope.signatures());
    Envelope otherBytes = new Envelope("AAAA", "t", envelope.signatures());
    assertThatThrownBy(() -> PARTIES.trust.signer(otherType))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("does not verify");
    assertThatThrownBy(() -> PARTIES.trust.signer(otherBytes)).isInstanceOf(Refused.class);
  }

  @Test
  void aPayloadOfAnotherTypeIsNotRead() {
    assertThatThrownBy(() -> PARTIES.source.sign("t", PAYLOAD).read("u", Envelope.class))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("where u was due");
  }

  @Test
  void opensslVerifiesWhatWeSign(@TempDir Path folder) throws Exception {
    assumeTrue(run(folder, "openssl", "version") == 0, "openssl is not installed");
    Envelope envelope = PARTIES.source.sign(Report.PAYLOAD_TYPE, PAYLOAD);
    Envelope.Signature signature = envelope.signatures().getFirst();
    X509Certificate certificate = SigningKey.certificate(signature.certificate().orElseThrow());
    Files.writeString(
        folder.resolve("key.pem"),
        "-----BEGIN PUBLIC KEY-----\n"
            + Base64.getMimeEncoder().encodeToString(certificate.getPublicKey().getEncoded())
            + "\n-----END PUBLIC KEY-----\n");
    Files.write(folder.resolve("sig"), signature.bytes());
    Path signed = folder.resolve("signed");
    Files.write(signed, Envelope.pae(envelope.payloadType(), envelope.bytes()));
    String[] verify = {
      "openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sig", "signed"
    };
    assertThat(run(folder, verify)).isZero();
    Files.writeString(signed, "something else");
    assertThat(run(folder, verify)).isNotZero();
  }

  /** The exit code, or -1 if there is no such program. */
  private static int run(Path folder, String... command) throws InterruptedException {
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(command[0] + " does not end");
      }
      return process.exitValue();
    } catch (IOException e) {
      return -1;
    }
  }
}
