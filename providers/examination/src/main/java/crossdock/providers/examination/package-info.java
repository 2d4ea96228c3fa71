/** What a site lists of itself, held against its cloud and its two subnets. */
@NullMarked
package crossdock.providers.examination;

import org.jspecify.annotations.NullMarked;
