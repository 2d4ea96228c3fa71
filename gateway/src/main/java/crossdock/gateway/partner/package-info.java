/** Partners are told of the migrations that customers share with them, by signed webhook. */
@NullMarked
package crossdock.gateway.partner;

import org.jspecify.annotations.NullMarked;
