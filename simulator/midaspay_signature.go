package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// midasScheme signs requests, answers and webhooks: RSA PKCS#1 v1.5 over SHA-256
// with a key of 2048 bits.
// Source: https://developer.midaspayment.com/docs/signature/introduction/
const midasScheme = "TXGW-SHA256-RSA2048"

// midasClockSkew is how far a request's timestamp may be off. Not documented; it
// is the maximum age that the provider's SDK of a sister product names.
const midasClockSkew = 5 * time.Minute

// midasPlatformSerial names the platform's certificate where the configuration
// doesn't, in the documented form of 40 hexadecimal digits.
const midasPlatformSerial = "0123456789ABCDEF0123456789ABCDEF01234567"

// verify judges the request's signature: method, target, timestamp, nonce and
// body, each followed by a newline, the target and the body as they arrived.
func (s *MidasPay) verify(cl *call) error {
	p, err := midasParameters(cl.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if p["auth_id"] != s.cfg.MerchantID || p["auth_id_type"] != "MERCHANT_ID" {
		return fmt.Errorf("no merchant is %q %q", p["auth_id_type"], p["auth_id"])
	}
	seconds, err := strconv.ParseInt(p["timestamp"], 10, 64)
	if err != nil {
		return fmt.Errorf("parse the timestamp: %w", err)
	}
	if age, most := cl.at.Unix()-seconds, int64(midasClockSkew/time.Second); age > most || age < -most {
		return fmt.Errorf("the timestamp is %d seconds old", age)
	}
	if p["nonce_str"] == "" {
		return errors.New("there is no nonce")
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(p["signature"])
	if err != nil {
		return fmt.Errorf("decode the signature: %w", err)
	}
	message := strings.Join([]string{cl.Method, cl.URL.RequestURI(), p["timestamp"], p["nonce_str"], string(cl.body), ""}, "\n")
	return s.checkSignature(p["serial_no"], []byte(message), signature)
}

// midasParameters reads an Authorization header. Values may be quoted or not and
// come in any order, as the provider's own clients send them; each pair is split
// at its first =, because base64 ends in some.
func midasParameters(header string) (map[string]string, error) {
	list, ok := strings.CutPrefix(header, midasScheme+" ")
	if !ok {
		return nil, errors.New("the scheme is another one")
	}
	parameters := map[string]string{}
	for pair := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("%q is no pair", pair)
		}
		if bare, ok := strings.CutPrefix(value, `"`); ok && strings.HasSuffix(bare, `"`) {
			value = strings.TrimSuffix(bare, `"`)
		}
		parameters[name] = value
	}
	return parameters, nil
}

func (s *MidasPay) checkSignature(serial string, message, signature []byte) error {
	if s.cfg.VerifySignature != nil {
		return s.cfg.VerifySignature(serial, message, signature)
	}
	key := s.cfg.PublicKeys[serial]
	switch {
	case key == nil:
		return fmt.Errorf("no key has the serial number %q", serial)
	case key.N.BitLen() != 2048:
		return fmt.Errorf("a key of %d bits", key.N.BitLen())
	}
	sum := sha256.Sum256(message)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

// sign gives an answer the headers that prove where it comes from: timestamp,
// nonce and body, each followed by a newline. Whether errors are signed is not
// documented; they are.
func (s *MidasPay) sign(a answer) answer {
	a = a.clone()
	maps.Copy(a.header, s.proof(a.body))
	return a
}

// proof is the Txgw headers of a body, or nothing if there is nothing to sign with.
func (s *MidasPay) proof(body []byte) http.Header {
	seconds, nonce := strconv.FormatInt(s.now().Unix(), 10), newTrace()
	signature := s.platformSignature([]byte(seconds + "\n" + nonce + "\n" + string(body) + "\n"))
	if signature == nil {
		return nil
	}
	return http.Header{
		"Txgw-Timestamp": {seconds},
		"Txgw-Nonce":     {nonce},
		"Txgw-Signature": {base64.StdEncoding.EncodeToString(signature)},
		"Txgw-Serial":    {s.cfg.PlatformSerial},
	}
}

func (s *MidasPay) platformSignature(message []byte) []byte {
	switch {
	case s.cfg.SignResponse != nil:
		return s.cfg.SignResponse(message)
	case s.cfg.PlatformKey == nil:
		return nil
	}
	sum := sha256.Sum256(message)
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.cfg.PlatformKey, crypto.SHA256, sum[:])
	if err != nil {
		panic(fmt.Sprintf("simulator: sign with the platform's key: %v", err)) // the key is broken
	}
	return signature
}

// A midasNotice is what an event's webhook says.
type midasNotice struct {
	resourceType string
	resource     map[string]any
	created      time.Time
}

// event names what a webhook tells, and the type of its resource. Documented are
// PAYMENT_ORDER_FAILED and the events of subscriptions.
func (r *midasResource) event(before string) (name, resourceType string) {
	switch r.kind {
	case midasOrder, midasAuthorization:
		return "PAYMENT_ORDER_" + r.status, "mpay.apis.event.PaymentNotification"
	case midasRefund:
		return "PAYMENT_" + r.status, "mpay.apis.event.RefundNotification"
	case midasSubscription:
		name = map[string]string{"ACTIVE": "SUBSCRIPTION", "CANCELLED": "UNSUBSCRIPTION", "SUSPENDED": "SUSPENDED"}[r.status]
		if r.status == "ACTIVE" && before == "SUSPENDED" {
			name = "RESUMED"
		}
		return name, "mpay.apis.event.SubscriptionNotification"
	}
	return "", ""
}

// deliver renders a webhook: an envelope around the resource, which comes inline
// as the reference shows it, or wrapped as the introduction says.
// Source: https://developer.midaspayment.com/docs/webhooks/introduction/
func (s *MidasPay) deliver(path string, e event) Delivery {
	n, _ := e.data.(midasNotice)
	var resource any = n.resource
	if s.cfg.WrapResources {
		value := base64.StdEncoding.EncodeToString(encode(n.resource))
		resource = map[string]any{"type_url": "type.apis.com/" + n.resourceType, "value": value}
	}
	body := encode(map[string]any{
		"id": e.id, "create_time": midasTime(n.created), "update_time": midasTime(e.at),
		"event_type": e.name, "event_version": "1.0", "summary": e.name,
		"resource_type": n.resourceType, "resource_version": "1.0", "resource": resource,
	})
	header := http.Header{"Content-Type": {midasContentType}}
	if proof := s.proof(body); proof != nil {
		maps.Copy(header, proof)
		header.Set("Authorization", fmt.Sprintf(
			`%s auth_id="%s",auth_id_type=MERCHANT_ID,nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
			midasScheme, s.cfg.MerchantID, proof.Get("Txgw-Nonce"), proof.Get("Txgw-Timestamp"),
			proof.Get("Txgw-Serial"), proof.Get("Txgw-Signature")))
	}
	return Delivery{ID: e.id, Path: path, Header: header, Body: body}
}

const midasContentType = "application/json; charset=utf-8"

func midasAnswer(status int, body any) answer {
	return answer{status: status, header: http.Header{"Content-Type": {midasContentType}}, body: encode(body)}
}

// midasProblem is the API's error document.
// Source: https://developer.midaspayment.com/docs/reference/apiresponse/
func midasProblem(status int, name, message string, details ...any) answer {
	body := map[string]any{"name": name, "message": message, "debug_id": "req_" + newTrace()}
	if len(details) > 0 {
		body["details"] = details
	}
	return midasAnswer(status, body)
}

// midasInvalid names each field that is wrong.
func midasInvalid(errs map[string][]string) answer {
	var details []any
	for _, path := range slices.Sorted(maps.Keys(errs)) {
		details = append(details, map[string]any{
			"@type": "type.apis.com/rpc.BadRequest.FieldViolation",
			"field": path, "description": strings.Join(errs[path], " "),
		})
	}
	return midasProblem(http.StatusBadRequest, "INVALID_ARGUMENT", "the request is invalid", details...)
}

func midasInvalidField(path, message string) answer {
	return midasInvalid(map[string][]string{path: {message}})
}

// midasState refuses what the resource's status does not allow: FailedPrecondition,
// which this API's gateway maps to 400. The name is not documented.
func midasState(r *midasResource) answer {
	return midasProblem(http.StatusBadRequest, "INVALID_STATUS", "not possible in status "+r.status)
}

// notFound says that a resource is missing. What a query says then is not
// documented.
func (s *MidasPay) notFound(e *midasEndpoint) answer {
	if s.cfg.QueryMissEmpty && e != nil && e.read {
		return midasAnswer(http.StatusOK, map[string]any{})
	}
	return midasProblem(http.StatusNotFound, "NOT_FOUND", "not found")
}

// problem is what the API says where a fault asks for an error. Documented are
// the statuses, and of the names DUPLICATE_REFERENCE_ID; SIGN_ERROR is the sister
// product's. A request in flight is answered with a name that nobody knows.
func (s *MidasPay) problem(kind problemKind, r *http.Request) answer {
	var a answer
	switch kind {
	case problemInFlight:
		a = midasProblem(http.StatusConflict, "REQUEST_IN_PROCESS", "the request is being processed")
	case problemKeyReuse:
		a = midasProblem(http.StatusConflict, "DUPLICATE_REFERENCE_ID", "duplicate reference id")
	case problemRateLimited:
		a = midasProblem(http.StatusTooManyRequests, "RATE_LIMITED", "too many requests")
	case problemUnauthenticated:
		a = midasProblem(http.StatusUnauthorized, "SIGN_ERROR", "sign error")
	case problemForbidden:
		a = midasProblem(http.StatusForbidden, "PERMISSION_DENIED", "permission denied")
	case problemNotFound:
		a = s.notFound(s.route(r.Method, r.URL.Path))
	case problemInternal, problemStored:
		a = midasProblem(http.StatusInternalServerError, "INTERNAL_ERROR", "internal error")
	}
	return s.sign(a)
}

// midasDecline is the status of a decline by its name, for those that are not 409
// (Aborted).
// Source: https://developer.midaspayment.com/docs/error/codes/
func midasDecline(name string) answer {
	status := http.StatusConflict
	switch name {
	case "CANCELLED":
		status = http.StatusRequestTimeout
	case "AVS_DECLINED", "BENEFICIARY_NOT_FOUND":
		status = http.StatusBadRequest
	case "ACCOUNT_NOT_EXIST":
		status = http.StatusNotFound
	case "CHANNEL_MARKETING_BUDGET_LIMITED", "CHANNEL_MARKETING_TRANSACTIONS_LIMITED":
		status = http.StatusTooManyRequests
	}
	return midasProblem(status, name, "the payment was declined")
}

// midasTime is a time as the API writes it: RFC 3339, in seconds and with the
// offset of where the provider lives.
func midasTime(t time.Time) string {
	return t.In(time.FixedZone("", 8*60*60)).Format(time.RFC3339)
}
