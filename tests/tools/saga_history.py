"""What a history says about sagas: records of lib/record.h, as dictionaries.

    from saga_history import sagas
    found = sagas(directory)          # of the run's history/
    found.of("MINTED")                # facts by the name of their event
    found.effects, found.sources, found.readings
"""
import glob
import os
import struct

EVENTS = ["", "MINTED", "SENT", "OK", "FAIL", "INFO", "SAW", "MISSED", "AGAIN", "MISUSED",
          "CANCEL_SENT", "CANCEL_OK", "CANCEL_NO", "CANCEL_INFO", "IS", "ABSENT", "UNREADABLE",
          "WAS", "TOLD", "DEAD", "PRICED"]
NONE = 0xffffffff
SAGA, SAGA_ID, EFFECT, READING, SOURCE = 10, 11, 12, 13, 14


def fact(payload):
    names = ("at_us", "saga", "start", "contract", "event", "state", "attempt", "status",
             "snapshot", "amount", "item", "value")
    found = dict(zip(names, struct.unpack("<qIIBBBBHHqQq", payload[:48])))
    found["event"] = EVENTS[found["event"]]
    return found


def effect(payload):
    names = ("at_us", "saga", "contract", "step", "undo", "source", "amount", "item", "identity",
             "cause", "snapshot", "outcome")
    return dict(zip(names, struct.unpack("<qIBBBBqQQQHB", payload[:51])))


def reading(payload):
    names = ("at_us", "item", "value", "contract", "what", "snapshot", "source")
    found = dict(zip(names, struct.unpack("<qQqBBHB", payload[:29])))
    found["name"] = payload[32:56].rstrip(b"\0").decode(errors="replace")
    return found


def source(payload):
    names = ("at_us", "contract", "source", "snapshot", "complete", "read", "strange")
    found = dict(zip(names, struct.unpack("<qBBHIQQ", payload[:32])))
    found["why"] = payload[32:56].split(b"\0")[0].decode(errors="replace")
    return found


def saga_id(payload):
    saga, contract, length = struct.unpack("<IBB", payload[:6])
    return {"saga": saga, "contract": contract, "id": payload[6:6 + length].decode()}


class Found:
    def __init__(self):
        self.facts, self.ids, self.effects, self.readings, self.sources = [], [], [], [], []

    def of(self, *events, **wanted):
        return [f for f in self.facts if f["event"] in events
                and all(f[name] == value for name, value in wanted.items())]

    def source(self, number, contract=0, snapshot=1):
        """How the reading of a source went; None: it was not read."""
        for one in self.sources:
            if (one["source"], one["contract"], one["snapshot"]) == (number, contract, snapshot):
                return one
        return None

    def last(self):
        """What was heard last of each saga, by its number."""
        heard = {}
        for one in sorted(self.of("IS", "ABSENT", "UNREADABLE"), key=lambda one: one["at_us"]):
            heard[one["saga"]] = one
        return heard


def sagas(directory, pattern="*"):
    found = Found()
    into = {SAGA: (found.facts, fact), SAGA_ID: (found.ids, saga_id),
            EFFECT: (found.effects, effect), READING: (found.readings, reading),
            SOURCE: (found.sources, source)}
    for path in sorted(glob.glob(os.path.join(directory, f"{pattern}.history"))):
        with open(path, "rb") as file:
            data = file.read()
        for at in range(64, len(data) - 63, 64):
            kind, = struct.unpack_from("<H", data, at + 4)
            if kind == 0:
                break
            if kind in into:
                into[kind][0].append(into[kind][1](data[at + 8:at + 64]))
    return found
