"""Try the guard with as many requests as wanted: ``python -m tests.safety --examples 5000 --seed 1``."""

from __future__ import annotations

import argparse

from conformance.reference.defects import NO_TRAITS
from tests.recorded import RECORDED
from tests.safety.effects import Effects
from tests.safety.generated import WRITES
from tests.safety.network import recorded_network
from tests.safety.shared_target import SharedTarget
from tests.safety.trial import Trial


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, help="for each operation")
    parser.add_argument("--seed", type=int, default=0, help="for other requests than last time")
    options = parser.parse_args()
    trial = Trial()
    with recorded_network() as network:
        targets = [SharedTarget(network, traits=traits) for traits in (NO_TRAITS, RECORDED)]
        try:
            judges = [Effects(target) for target in targets]
            for label in WRITES:
                trial.of_operation(label, judges, options.examples, options.seed)
        finally:
            for target in targets:
                target.close()
    print(trial)


if __name__ == "__main__":
    main()
