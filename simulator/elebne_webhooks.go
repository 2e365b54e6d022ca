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
)

// maxWebhooks is how many webhook endpoints a business may have.
const maxWebhooks = 5

func elebneWebhookRule(create bool) rule {
	return object{
		{"url", create, text{min: 1}},
		{"events", create, list{min: 1, items: text{min: 1}}},
		may("active", boolean{}),
	}
}

// createWebhook is the only answer that shows the secret, which is assumed.
func (s *Elebne) createWebhook(q *elebneQuery) answer {
	if len(s.hooks) >= maxWebhooks {
		return elebneError(s.cfg.ConflictStatus, "WEBHOOK_LIMIT_REACHED", "A business has at most 5 webhook endpoints")
	}
	hook := map[string]any{"id": newMongoID(), "secret": hex.EncodeToString(randomBytes(32)), "active": true}
	maps.Copy(hook, pick(q.doc, "url", "events"))
	s.hooks = append(s.hooks, hook)
	s.record(q, Entry{Kind: "webhook", ID: textAt(hook, "id"), Reference: textAt(hook, "url")})
	return elebneData(http.StatusCreated, hook)
}

func (s *Elebne) updateWebhook(q *elebneQuery) answer {
	return s.onWebhook(q, "webhook_update", func(hook map[string]any) {
		maps.Copy(hook, pick(q.doc, "url", "events", "active"))
	})
}

func (s *Elebne) deleteWebhook(q *elebneQuery) answer {
	return s.onWebhook(q, "webhook_deletion", func(gone map[string]any) {
		s.hooks = slices.DeleteFunc(s.hooks, func(hook map[string]any) bool { return hook["id"] == gone["id"] })
	})
}

// testWebhook sends an event whose name is assumed.
func (s *Elebne) testWebhook(q *elebneQuery) answer {
	return s.onWebhook(q, "webhook_test", func(map[string]any) { s.tell("webhook.test", !q.live, map[string]any{}) })
}

// onWebhook does something to an endpoint and answers with it.
func (s *Elebne) onWebhook(q *elebneQuery, kind string, do func(hook map[string]any)) answer {
	i := slices.IndexFunc(s.hooks, func(hook map[string]any) bool { return hook["id"] == q.ids[0] })
	if i < 0 {
		return elebneNotFound("Webhook endpoint")
	}
	hook := s.hooks[i]
	do(hook)
	s.record(q, Entry{Kind: kind, ID: q.ids[0], Reference: textAt(hook, "url")})
	return elebneData(http.StatusOK, pick(hook, "id", "url", "events", "active"))
}

// secretAt is the secret of the endpoint at a path of the merchant's.
func (s *Elebne) secretAt(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, hook := range s.hooks {
		if u, err := url.Parse(textAt(hook, "url")); err == nil && u.Path == path {
			return textAt(hook, "secret")
		}
	}
	return s.cfg.WebhookSecret
}

// tell puts the payment envelope around an event.
func (s *Elebne) tell(name string, sandbox bool, data map[string]any) {
	id, at := newID(), s.now()
	s.outbox.add(event{id: id, name: name, at: at, data: map[string]any{
		"id": id, "event": name, "created_at": elebneTime(at), "sandbox": sandbox, "data": data,
	}})
}

// Webhooks returns a delivery of each event since the last call, as the other
// simulators do, those of intents that have lapsed by now included.
func (s *Elebne) Webhooks(path string) []Delivery {
	s.mu.Lock()
	s.lapse()
	s.mu.Unlock()
	return s.core.Webhooks(path)
}

// deliver signs a webhook: HMAC-SHA256 over the body, with the secret of the
// endpoint at that path.
func (s *Elebne) deliver(path string, e event) Delivery {
	secret := s.secretAt(path)
	key := []byte(secret)
	if raw, err := hex.DecodeString(secret); err == nil && s.cfg.WebhookHexKey {
		key = raw
	}
	d := Delivery{ID: e.id, Path: path, Header: http.Header{"Content-Type": {"application/json"}}, Body: encode(e.data)}
	mac := hmac.New(sha256.New, key)
	mac.Write(d.Body)
	signature := hex.EncodeToString(mac.Sum(nil))
	if s.cfg.WebhookBase64 {
		signature = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	d.Header.Set(s.cfg.WebhookHeader, signature)
	return d
}
