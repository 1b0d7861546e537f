"""What `bench`, `bench-peer` and `soak` measure with: servers as processes of their own, and a model that answers at once. Python
3's own library; all traffic stays on the loopback interface."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server, ended by its own process id. `PORT` in its environment becomes its port."""

    def __init__(self, command, environment, ready, quiet=False):
        self.port = free_port()
        environment = {name: value.replace("PORT", str(self.port)) for name, value in environment.items()}
        began = time.perf_counter()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL if quiet else None)
        while True:
            if self.process.poll() is not None:
                sys.exit(f"{command[0]} ended with {self.process.returncode}")
            try:
                if self.ask("GET", ready)[0] == 200:
                    break
            except OSError:
                time.sleep(0.002)
        self.ready = time.perf_counter() - began

    def ask(self, method, path, body=None):
        """Status and body; what is asked with is JSON, as a value or as bytes."""
        body = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def resident_mib(self):
        """Now, and at most."""
        with open(f"/proc/{self.process.pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status if ":" in line)
        return int(lines["VmRSS"].split()[0]) / 1024, int(lines["VmHWM"].split()[0]) / 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Redis:
    """A Redis that keeps what it acknowledged. It can be killed and begun again."""

    PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")

    def __init__(self, directory, fsync="everysec"):
        self.port = free_port()
        self.command = [self.PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
                        "--appendfsync", fsync, "--dir", directory]
        self.begin()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def begin(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Loopback(ThreadingHTTPServer):
    """A server of ours in a thread. Whoever does not wait for an answer is no error."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class ScriptedModel(Loopback):
    """An OpenAI-compatible model that says at once what `say(asked)` gives: a message, and why it ends. Every other path
    answers what `otherwise(path)` gives as JSON, or 404."""

    def __init__(self, say, otherwise=lambda path: None):
        self.say, self.otherwise, self.lock = say, otherwise, threading.Lock()
        self.prompts = deque(maxlen=1000)  # of the last turns: messages and tools as JSON
        super().__init__(Answering)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two packets: the second would wait 40 ms for the first one's acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def other(self):
        found = self.server.otherwise(self.path)
        self.reply(404, {}) if found is None else self.reply(200, found)

    def do_GET(self):
        if self.path.startswith("/v1/models"):
            model = {"id": "scripted", "object": "model", "owned_by": "bench", "max_model_len": 131072}
            return self.reply(200, {"object": "list", "data": [model]})
        return self.other()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.startswith("/v1/chat/completions"):
            return self.other()
        asked = json.loads(body)
        prompt = json.dumps(asked["messages"]) + json.dumps(asked.get("tools") or [])
        with self.server.lock:
            self.server.prompts.append(prompt)
        message, why = self.server.say(asked)
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 20, "total_tokens": len(prompt) // 4 + 20}
        head = {"id": "x", "created": 1, "model": "scripted"}
        if not asked.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": why}
            return self.reply(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        chunks = [[{"index": 0, "delta": message, "finish_reason": None}], [{"index": 0, "delta": {}, "finish_reason": why}]]
        events = [{**head, "object": "chat.completion.chunk", "choices": choices} for choices in chunks]
        events.append({**events[0], "choices": [], "usage": usage})
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        return self.reply(200, text.encode(), "text/event-stream")


def said(text):
    """An answer in words."""
    return {"role": "assistant", "content": text}, "stop"


def call(name, arguments):
    """A call of a tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    calls = [{"index": 0, "id": "call00001", "type": "function", "function": function}]
    return {"role": "assistant", "content": "", "tool_calls": calls}, "tool_calls"


def has_looked(asked):
    """Whether a tool has answered already."""
    return any(message["role"] == "tool" for message in asked["messages"])


def answer_at_once(asked):
    """To a schema a document of it, else a call of a tool that is offered, else words."""
    schema = (asked.get("response_format") or {}).get("json_schema", {}).get("schema")
    if schema:
        return said(json.dumps(example(schema, schema)))
    if asked.get("tools") and not has_looked(asked):
        return call("search_runbooks", {"query": "out of memory"})
    return said("Memory ran out [E1].")


def example(schema, whole):
    """A small document of a JSON schema."""
    if "$ref" in schema:
        return example(whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], whole)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: example(part, whole) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], whole)] if schema.get("minItems") else []
    return {"string": "Memory ran out [E1].", "boolean": True, "integer": 1, "number": 0.5}.get(kind)
