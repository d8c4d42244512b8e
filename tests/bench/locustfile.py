"""What locust does in the bench: the same as ours, with its fast client."""
import os
import resource
import time

from locust import FastHttpUser, constant, events, task

PATH = os.environ.get("BENCH_PATH", "/")
before = {}


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@events.test_start.add_listener
def started(environment, **_):
    before["cpu"] = cpu_s()
    before["wall"] = time.monotonic()


@events.quitting.add_listener
def ended(environment, **_):
    print(f"bench: requests {environment.runner.stats.total.num_requests}")
    print(f"bench: cpu {cpu_s() - before['cpu']:.6f}")
    print(f"bench: wall {time.monotonic() - before['wall']:.6f}", flush=True)


class Plain(FastHttpUser):
    wait_time = constant(0)
    insecure = True

    @task
    def plain(self):
        self.client.get(PATH)


class Journey(FastHttpUser):
    wait_time = constant(0)

    def call(self, method, path, status, field, **arguments):
        with self.client.request(method, path, catch_response=True, **arguments) as answer:
            document = answer.json()
            if answer.status_code != status or field not in document:
                answer.failure("not as expected")
        return document

    @task
    def visit(self):
        token = self.call("POST", "/api/auth/login", 200, "token",
                          json={"email": "ada@example.com", "password": "secret"})["token"]
        sku = self.call("GET", "/api/products", 200, "total")["items"][0]["sku"]
        self.call("GET", "/api/products/" + sku, 200, "price")
        bearer = {"Authorization": "Bearer " + token}
        self.call("POST", "/api/cart/items", 200, "items", json={"sku": sku, "qty": 1},
                  headers=bearer)
        self.call("POST", "/api/orders", 201, "status", json={"sku": sku}, headers=bearer)
