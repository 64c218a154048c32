"""What a program written with docker-py does: networks, a container, events. Prints each step that went well.

DOCKER_HOST says where the daemon is.
"""

import docker

client = docker.from_env(version="auto")


def refusal(call):
    """The status and message of the error that a refused call gives."""
    try:
        call()
    except docker.errors.APIError as error:
        return error.response.status_code, error.explanation
    raise AssertionError("was not refused")


def system():
    assert client.ping()
    assert client.version()["Os"] == "linux"
    assert client.info()["OSType"] == "linux"


def networks():
    pool = docker.types.IPAMPool(subnet="10.121.0.0/24", aux_addresses={"printer": "10.121.0.9"})
    network = client.networks.create(
        "pynet",
        driver="bridge",
        ipam=docker.types.IPAMConfig(pool_configs=[pool]),
        options={"com.docker.network.driver.mtu": "1400"},
        labels={"by": "docker-py"},
        check_duplicate=True,
    )
    assert network.attrs["IPAM"]["Config"][0]["AuxiliaryAddresses"] == {"printer": "10.121.0.9"}
    assert [found.name for found in client.networks.list(filters={"label": "by=docker-py"})] == ["pynet"]
    assert {"bridge", "host", "none", "pynet"} == {found.name for found in client.networks.list(greedy=True)}
    assert refusal(lambda: client.networks.create("pynet")) == (409, "network with name pynet already exists")
    assert refusal(lambda: client.networks.get("nosuch")) == (404, "network nosuch not found")


def members():
    network = client.networks.get("pynet")
    network.connect("red", aliases=["crimson"], ipv4_address="10.121.0.50")
    network.reload()
    assert [container.name for container in network.containers] == ["red"]
    shown = client.containers.get("red").attrs["NetworkSettings"]["Networks"]["pynet"]
    assert shown["IPAddress"] == "10.121.0.50" and "crimson" in shown["Aliases"]
    assert refusal(lambda: network.connect("red"))[0] == 403
    network.disconnect("red")
    assert refusal(lambda: network.disconnect("red"))[0] == 500
    network.reload()
    assert network.containers == []


def containers():
    container = client.containers.create("any-image", name="py1", network="pynet", labels={"by": "docker-py"})
    assert container.status == "created"
    container.start()
    container.reload()
    assert container.status == "running"
    assert [found.name for found in client.containers.list(filters={"label": "by=docker-py"})] == ["py1"]
    assert "eth0" in container.stats(stream=False)["networks"]
    container.rename("py2")
    container.stop()
    assert container.wait()["StatusCode"] == 0
    container.restart()
    container.kill("SIGTERM")
    assert container.wait()["StatusCode"] == 143
    container.remove()
    assert refusal(lambda: client.containers.get("py2")) == (404, "No such container: py2")
    ran = client.containers.run("any-image", name="py3", network="pynet", detach=True, remove=True)
    ran.stop()
    assert refusal(lambda: client.containers.get("py3"))[0] == 404


def events():
    past = client.events(since=0, until=2**33, decode=True, filters={"type": "network", "network": "pynet"})
    actions = [next(past)["Action"] for _ in range(3)]
    past.close()
    assert actions == ["create", "connect", "disconnect"], actions
    client.networks.get("pynet").remove()
    client.networks.create("idle")
    assert client.networks.prune()["NetworksDeleted"] == ["idle"]


for step in (system, networks, members, containers, events):
    step()
    print(step.__name__)
