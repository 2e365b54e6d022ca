package payonce

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// maxRequest is the size of the largest request body.
const maxRequest = 8 << 20

// draft makes the record of a generation: key, exact bytes and hashes. It does no I/O.
func (c *Client) draft(op *Operation, options *callOptions, generation int) (*Record, error) {
	id := OperationID{Account: c.profile.Account, Kind: op.Kind, Reference: op.Reference}
	method := orDefault(op.Method, http.MethodPost)
	key, exclusive := options.key, true
	if key == "" {
		key, exclusive = makeKey(c.keys, &c.profile, id, generation)
	}
	var p problems
	p.addErr(op.check())
	p.addErr(checkKey(&c.profile, key))
	body, bodyErr := op.encode(key, generation)
	p.addErr(bodyErr)
	p.addErr(c.checkHeader(op.Header, key))
	if len(body) > maxRequest {
		p.add("Body", "has %d bytes, at most %d are stored and sent", len(body), maxRequest)
	}
	content := body
	if op.KeyedBody != nil {
		content, bodyErr = op.encode("", 0)
		p.addErr(bodyErr)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	now := c.clock.now()
	rec := &Record{
		ID: id, Generation: generation, Key: key, Exclusive: exclusive, Scope: c.scopes[0].hash,
		Fingerprint: fingerprint(c.store.Salt(), id.Kind, method, op.Path, content),
		Replay:      op.Replay, EmptyOK: op.EmptyOK,
		Origin: c.origin, Method: method, Path: c.prefix + op.Path,
		Header: c.header(op.Header, key, len(body) > 0), Body: body,
		CreatedAt: now, NotAfter: op.NotAfter.Round(0).UTC().Truncate(time.Microsecond), Progress: Progress{DueAt: now},
	}
	if op.NotAfter.IsZero() {
		rec.NotAfter = time.Time{}
	}
	rec.Seal = sealOf(c.store.Salt(), rec)
	return rec, nil
}

// check finds everything that is wrong with an operation.
func (op Operation) check() error {
	var p problems
	if op.Kind == "" || len(op.Kind) > 100 || strings.ContainsFunc(op.Kind, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		p.add("Kind", "must have 1 to 100 printable ASCII characters without a colon, such as truelayer.payout.create")
	}
	switch {
	case op.Reference == "":
		p.add("Reference", "is empty; it is the merchant's own id of this operation")
	case len(op.Reference) > 255:
		p.add("Reference", "has %d bytes, at most 255 are allowed", len(op.Reference))
	case strings.ContainsFunc(op.Reference, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.ToValidUTF8(op.Reference, "") != op.Reference:
		p.add("Reference", "has a control character or is not UTF-8")
	}
	if !strings.HasPrefix(op.Path, "/") || strings.ContainsAny(op.Path, " \r\n#") {
		p.add("Path", "must be an absolute, escaped path, is %q", op.Path)
	}
	if t := op.NotAfter; !t.IsZero() && (t.Unix() <= 0 || t.Year() > 9999) { // stores could not keep it
		p.add("NotAfter", "must be after 1970 and before 10000, or zero for no limit; it is %v", t)
	}
	if op.Body != nil && op.KeyedBody != nil {
		p.add("Body", "and KeyedBody exclude each other")
	}
	return p.err()
}

// encode makes the body, once for each generation.
func (op Operation) encode(key string, generation int) ([]byte, error) {
	body := op.Body
	if op.KeyedBody != nil {
		body = op.KeyedBody(key, generation)
	}
	switch body := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return bytes.Clone(body), nil
	case Raw:
		return bytes.Clone(body), nil
	case json.RawMessage:
		return bytes.Clone(body), nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return nil, invalid("Body", "can't be encoded as JSON: %v", err)
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// checkHeader refuses what would break the request or the promises.
func (c *Client) checkHeader(header http.Header, key string) error {
	var p problems
	for name, values := range header {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		text := strings.Join(values, "")
		switch {
		case strings.EqualFold(name, c.profile.KeyHeader) && (len(values) != 1 || text != key):
			p.add("Header", "%s is not the operation's key; pass your own with WithKey", canonical)
		case strings.ContainsAny(name, " :\r\n") || strings.ContainsAny(text, "\r\n\x00"):
			p.add("Header", "%q is not a header that can be sent", canonical)
		case canonical == "Authorization":
			p.add("Header", "Authorization belongs to the provider")
		}
	}
	return p.err()
}

// header completes the semantic headers.
func (c *Client) header(own http.Header, key string, body bool) http.Header {
	header := make(http.Header, len(own)+3)
	for name, values := range own {
		header[textproto.CanonicalMIMEHeaderKey(name)] = values
	}
	if header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	if body && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	if c.profile.KeyHeader != "" {
		header.Set(c.profile.KeyHeader, key)
	}
	return header
}

// prepare makes the draft of an operation for the merchant's own transaction.
func (c *Client) prepare(op Operation, opts []CallOption) (*Record, error) {
	var options callOptions
	for _, option := range opts {
		option(&options)
	}
	if options.newKey {
		return nil, c.invalidCall(op, invalid("WithNewKey", "needs the record of the last generation, which Prepare does not read"))
	}
	rec, err := c.draft(&op, &options, 1)
	if err != nil {
		return nil, c.invalidCall(op, err)
	}
	rec.Prepared = true
	return rec, nil
}

// invalidCall is the error for parameters that can't be sent.
func (c *Client) invalidCall(op Operation, err error) error {
	return &Error{Kind: ErrInvalid, Operation: OperationID{c.profile.Account, op.Kind, op.Reference}, Err: err, Next: "nothing was sent"}
}

// checkID refuses a provider's id that would change the path it goes into.
func checkID(field, id string) error {
	if id == "" || len(id) > 255 || id == "." || id == ".." || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/\\?#%`, r) }) {
		return invalid(field, "is not an id of the provider: %q", id)
	}
	return nil
}
