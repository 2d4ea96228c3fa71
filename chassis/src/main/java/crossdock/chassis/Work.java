package crossdock.chassis;

import crossdock.contracts.Migration;
import crossdock.contracts.Step;
import java.util.Optional;

/**
 * One turn at a step, under a lease.
 *
 * @param migration as far as its chain is known here
 * @param fence larger than in every turn before: what was written under a smaller one is stale
 * @param result what woke the job, if something did
 * @param held whether the lease still stands
 */
public record Work(
    Migration migration, Step step, int attempt, long fence, Optional<String> result, Held held) {}
