package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A miracleHook is a webhook endpoint.
type miracleHook struct {
	view   map[string]any // never the secret
	path   string
	events []any
	secret string
}

// wants compares an event with exact names, "payment.*" and "*".
func (h *miracleHook) wants(name string) bool {
	return slices.ContainsFunc(h.events, func(v any) bool {
		subscribed, _ := v.(string)
		prefix, wild := strings.CutSuffix(subscribed, "*")
		return subscribed == name || wild && strings.HasPrefix(name, prefix)
	})
}

func miracleSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString(randomBytes(24))
}

// createHook registers an endpoint. Its secret is in this answer alone.
func (s *Miracle) createHook(q *miracleQuery) answer {
	target, err := url.Parse(textAt(q.doc, "url"))
	if err != nil {
		return s.invalid("url: Value has an invalid format.")
	}
	h := &miracleHook{view: pick(q.doc, "url", "events", "description"), path: target.Path, secret: miracleSecret()}
	h.events, _ = q.doc["events"].([]any)
	maps.Copy(h.view, map[string]any{"id": newID(), "livemode": q.live, "createdAt": miracleTime(s.now())})
	s.hooks = append(s.hooks, h)
	s.record(q, Entry{Kind: "webhook_endpoint", ID: textAt(h.view, "id")})
	secret := h.secret
	return s.one(q, http.StatusCreated, func() map[string]any {
		created := maps.Clone(h.view)
		created["secret"] = secret
		return created
	})
}

func (s *Miracle) listHooks(q *miracleQuery) answer {
	items := []map[string]any{}
	for _, h := range s.hooks {
		if h.view["livemode"] == q.live {
			items = append(items, h.view)
		}
	}
	return miracleAnswer(http.StatusOK, map[string]any{"data": items})
}

// onHook runs an endpoint on one webhook endpoint.
func (s *Miracle) onHook(run func(*miracleQuery, *miracleHook) answer) func(*miracleQuery) answer {
	return func(q *miracleQuery) answer {
		for _, h := range s.hooks {
			if h.view["id"] == q.ids[0] && h.view["livemode"] == q.live {
				return run(q, h)
			}
		}
		return s.problem(problemNotFound, q.Request)
	}
}

func (s *Miracle) getHook(q *miracleQuery, h *miracleHook) answer {
	return s.one(q, http.StatusOK, func() map[string]any { return h.view })
}

func (s *Miracle) deleteHook(q *miracleQuery, h *miracleHook) answer {
	s.hooks = slices.DeleteFunc(s.hooks, func(other *miracleHook) bool { return other == h })
	s.record(q, Entry{Kind: "webhook_endpoint_deletion", ID: q.ids[0]})
	return answer{status: http.StatusNoContent}
}

// rotateSecret replaces the secret; the old one is dead at once.
func (s *Miracle) rotateSecret(q *miracleQuery, h *miracleHook) answer {
	secret := miracleSecret()
	h.secret = secret
	s.record(q, Entry{Kind: "secret_rotation", ID: q.ids[0]})
	return s.one(q, http.StatusOK, func() map[string]any { return map[string]any{"secret": secret} })
}

// emit keeps an event for the merchant, unless there are endpoints and none of
// them wants it.
func (s *Miracle) emit(name string, data map[string]any) {
	if len(s.hooks) > 0 && !slices.ContainsFunc(s.hooks, func(h *miracleHook) bool { return h.wants(name) }) {
		return
	}
	s.outbox.add(event{id: "evt_" + hex.EncodeToString(randomBytes(13)), name: name, at: s.now(), data: maps.Clone(data)})
}

// deliver renders a webhook with one event.
func (s *Miracle) deliver(path string, e event) Delivery { return s.message(path, e) }

// WebhookBatch returns one delivery with every event since the last call of it or
// of Webhooks: the API's envelope is a list.
func (s *Miracle) WebhookBatch(path string) Delivery {
	return s.message(path, s.outbox.take()...)
}

// message signs as Standard Webhooks has it
// (https://github.com/standard-webhooks/standard-webhooks), which one guide names
// as the scheme. Its id is the same in every delivery.
func (s *Miracle) message(path string, events ...event) Delivery {
	d := Delivery{Path: path}
	list := []map[string]any{}
	for _, e := range events {
		data, _ := e.data.(map[string]any)
		d.ID = e.id
		list = append(list, map[string]any{
			"id": e.id, "type": e.name, "createdAt": miracleTime(e.at), "livemode": data["livemode"], "data": data,
		})
	}
	d.Body = encode(map[string]any{"events": list})
	id, at := "msg_"+strings.TrimPrefix(d.ID, "evt_"), strconv.FormatInt(s.now().Unix(), 10)
	mac := hmac.New(sha256.New, s.webhookKey(path))
	mac.Write([]byte(id + "." + at + "." + string(d.Body)))
	d.Header = http.Header{
		"Content-Type": {"application/json"}, "Webhook-Id": {id}, "Webhook-Timestamp": {at},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
	return d
}

// webhookKey is what signs for a path: the secret of the endpoint there.
func (s *Miracle) webhookKey(path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret := s.cfg.WebhookSecret
	for _, h := range s.hooks {
		if h.path == path {
			secret = h.secret
		}
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")) // what is no base64 verifies nowhere
	return key
}
