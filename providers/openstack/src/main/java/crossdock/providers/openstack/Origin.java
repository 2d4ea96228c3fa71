package crossdock.providers.openstack;

import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import java.io.IOException;
import java.util.List;

/** What a machine leaves a cloud as; each call is {@link crossdock.providers.Cloud}'s. */
sealed interface Origin permits Source, Images {
  void stop(String machine, Tag tag) throws IOException, Refusal;

  List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal;

  void close(Tag tag) throws IOException;

  void restore(String machine, Tag tag) throws IOException, Refusal;

  void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal;
}
