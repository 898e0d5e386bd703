# SPDX-License-Identifier: Apache-2.0
# The flow of a product that uses Svix, with the PyPI client as it comes: argv is server URL, token, receiver URL. Prints the
# endpoint's secret and the message's id for whoever checks what arrived.
import json
import sys
import time

from svix.api import ApplicationIn, EndpointIn, EventTypeIn, MessageIn, Svix, SvixOptions
from svix.exceptions import HTTPValidationError, HttpError

server, token, receiver = sys.argv[1:]
svix = Svix(token, SvixOptions(server_url=server))
svix.event_type.create(EventTypeIn(name="python.tried", description="Tried from Python"))
app = svix.application.create(ApplicationIn(name="Python", uid="python"))
assert svix.application.get("python").id == app.id
endpoint = svix.endpoint.create(app.id, EndpointIn(url=receiver, description="smoke"))
secret = svix.endpoint.get_secret(app.id, endpoint.id).key
message = svix.message.create(app.id, MessageIn(event_type="python.tried", event_id="python-1", payload={"from": "python"}))
try:
    svix.message.create(app.id, MessageIn(event_type="python.tried", event_id="python-1", payload={}))
    raise SystemExit("the same eventId twice was accepted")
except HttpError as e:
    assert e.status_code == 409, e
for _ in range(200):
    attempts = svix.message_attempt.list_by_msg(app.id, message.id).data
    if attempts:
        break
    time.sleep(0.05)
assert [(a.endpoint_id, int(a.status)) for a in attempts] == [(endpoint.id, 0)], attempts
assert [m.id for m in svix.message.list(app.id).data] == [message.id]
try:
    svix.application.create(ApplicationIn(name=""))
    raise SystemExit("an empty name was accepted")
except HTTPValidationError as e:
    assert e.detail[0].loc == ["body", "name"], e
svix.endpoint.delete(app.id, endpoint.id)
assert svix.endpoint.list(app.id).data == []
print(json.dumps({"secret": secret, "message": message.id}))
