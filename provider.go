package payonce

import (
	"context"
	"net/http"
	"time"
)

// Provider is one payment API's dialect: facts as data, and pure functions over single requests and answers. It makes no request
// for an operation, keeps no history and never retries; the client does. Methods are safe for concurrent use.
type Provider interface {
	// Profile returns the provider's facts. It never changes.
	Profile() Profile
	// Portable returns how the provider speaks the portable services.
	Portable() Portable
	// Authorize returns the headers that every attempt needs afresh: credentials, signature, nonce. It is given the exact bytes
	// that will be sent and must not change them. If the last attempt's credentials were refused, refused holds what this method
	// returned for it, so that a token is renewed; otherwise it is nil. Only this call may use hc, to fetch a token; it must honour
	// ctx at once. An error means that the attempt is not sent; one that is ErrInvalid is not tried again.
	Authorize(ctx context.Context, hc *http.Client, req *Request, refused http.Header) (http.Header, error)
	// Classify reads one answer. It is pure.
	Classify(req *Request, res *Response) Verdict
}

// Lookuper is a Provider that can find out what became of a write without sending it again.
type Lookuper interface {
	Provider
	// Lookup returns the read that finds what req made; false when there is none for its kind.
	Lookup(req *Request) (Query, bool)
	// ClassifyLookup reads the answer: ClassSucceeded or ClassDeclined when it was found and is ours, ClassRefused when it provably
	// does not exist, ClassMismatch when something else stands there, ClassUnknown otherwise. It is pure.
	ClassifyLookup(req *Request, res *Response) Verdict
}

// Profile holds what is known of a provider, as data.
type Profile struct {
	// Name is the provider's, in lower case: "truelayer".
	Name string
	// Account is provider, environment and merchant. It never depends on a credential.
	Account string
	// BaseURL is scheme, host and path prefix of every request, without a trailing slash.
	BaseURL string
	// Credential is what the provider's dedupe scope contains of the credential, "" when nothing. It is stored as a keyed hash only.
	Credential Secret
	// OldCredentials are earlier values of Credential that still work: an operation that was begun under one of them is finished
	// with it. Nothing new begins under them.
	OldCredentials []Secret
	// KeyHeader is the header that carries the key; "" when the key travels in the body.
	KeyHeader string
	// RequestIDHeader is the header of an answer that identifies the request it belongs to, and no other; "" when there is none.
	RequestIDHeader string
	// Keys is how keys are made unless Config.Keys says otherwise.
	Keys KeyScheme
	// KeyMaxLen and KeyAlphabet bound a key; 0 and "" mean 255 printable ASCII characters.
	KeyMaxLen   int
	KeyAlphabet string
	// KeyLife is how long the provider remembers a key after its first arrival; 0 means for ever.
	KeyLife time.Duration
	// Timeout bounds one attempt and lies above the provider's own. 0 means 30 s.
	Timeout time.Duration
	// Currencies maps the currencies that payments take to their number of decimals; nil means any.
	Currencies map[string]int
}

// Request is one write as it is sent, the same for every attempt of a generation.
type Request struct {
	// Kind is the operation's type.
	Kind string
	// Method and Path are as on the wire; Path is absolute and has the query if any.
	Method, Path string
	// Key is what the provider dedupes on; "" for reads.
	Key string
	// Credential is Profile.Credential, or the one of OldCredentials that the operation was begun under.
	Credential Secret
	// Header holds the semantic headers and, where the key is a header, the key.
	Header http.Header
	// Body is the exact body; nil for none.
	Body Raw
	// EmptyOK says that a 2xx without a body is a whole answer.
	EmptyOK bool
	// FirstSentAt is when the first attempt of the generation may have left. In a lookup it is zero if none can have been executed but
	// one that was told that the key is taken: then what is found is somebody else's.
	FirstSentAt time.Time
}

// Response is one answer as it was received.
type Response struct {
	// Status is the HTTP status.
	Status int
	// Header holds the answer's headers.
	Header http.Header
	// Body is the whole body, or nil if it was cut, over the limit or unreadable.
	Body Raw
	// Complete says that the body is known to be whole.
	Complete bool
	// ReceivedAt is when the headers arrived, for hints given as dates.
	ReceivedAt time.Time
}

// Class says what one answer, or its absence, proves.
type Class int

const (
	// ClassUnknown: the request may have been executed. The zero value.
	ClassUnknown Class = iota
	// ClassNotSent: not a byte of the request reached the provider.
	ClassNotSent
	// ClassRefused: the provider's own word, in an answer that is not a 2xx, that this request had no effect.
	ClassRefused
	// ClassDeclined: the provider's final word that what was asked for was tried and failed; a 2xx that says no is this.
	ClassDeclined
	// ClassInFlight: another request with the key is being executed.
	ClassInFlight
	// ClassReuse: the provider saw the key before with other content.
	ClassReuse
	// ClassMismatch: a whole answer, but about something else than what was sent.
	ClassMismatch
	// ClassDuplicate: the key is taken; a lookup tells by whom.
	ClassDuplicate
	// ClassSucceeded: the provider executed or accepted the request.
	ClassSucceeded
)

// String returns the class in words.
func (c Class) String() string {
	switch c {
	case ClassUnknown:
		return "unknown"
	case ClassNotSent:
		return "not sent"
	case ClassRefused:
		return "refused"
	case ClassDeclined:
		return "declined"
	case ClassInFlight:
		return "in flight"
	case ClassReuse:
		return "key reuse"
	case ClassMismatch:
		return "about something else"
	case ClassDuplicate:
		return "key taken"
	case ClassSucceeded:
		return "succeeded"
	}
	return "class unknown to this version"
}

// Verdict is what one answer means. The zero value is: unknown, and not to be resent by this call.
type Verdict struct {
	// Class is what the answer proves of the request.
	Class Class
	// Resend allows this call to send the same bytes again.
	Resend bool
	// Reauthorize allows one immediate resend with fresh credentials.
	Reauthorize bool
	// Proven says that a refusal comes from behind the provider's key check: it holds for every attempt of the generation.
	Proven bool
	// KeySpent says that the same key will always get this answer.
	KeySpent bool
	// Wait is the server's hint: not before. 0 is no hint.
	Wait time.Duration
	// Code, Message and RequestID are the provider's own; of a success Code is the status of what was made. Message must hold no
	// secret and no card data.
	Code, Message, RequestID string
	// ResourceID is the provider's id of what was made.
	ResourceID string
	// Replayed says that the provider marked the answer as a replay.
	Replayed bool
}

// Query is one read.
type Query struct {
	// Kind names the read in errors: "payment.get".
	Kind string
	// Method defaults to GET.
	Method string
	// Path is the absolute path below the base URL, with its query if any.
	Path string
	// Header holds semantic headers.
	Header http.Header
	// Body is the exact body; nil for none.
	Body Raw
	// EmptyOK says that a 2xx without a body is a whole answer.
	EmptyOK bool
}

// Portable is how a provider speaks the portable services. A nil function means that it has no such operation: ErrUnsupported,
// before the network. The functions are pure; what they refuse is ErrInvalid.
type Portable struct {
	// CreatePayment, CapturePayment, CancelPayment and CreateRefund encode the portable writes.
	CreatePayment  func(PaymentParams) (Operation, error)
	CapturePayment func(CaptureParams) (Operation, error)
	CancelPayment  func(CancelParams) (Operation, error)
	CreateRefund   func(RefundParams) (Operation, error)
	// GetPayment, GetRefund and ListRefunds encode the portable reads. ListRefunds is given the cursor of the page, "" for the first.
	GetPayment  func(id string) Query
	GetRefund   func(paymentID, id string) Query
	ListRefunds func(paymentID, cursor string) Query
	// Payment and Refund read the answer of a portable write or read of the given kind. Refunds reads a page and the next page's
	// cursor, "" for the last page.
	Payment func(kind string, body []byte) (*Payment, error)
	Refund  func(kind string, body []byte) (*Refund, error)
	Refunds func(body []byte) (page []*Refund, next string, err error)
	// PaymentStatus and RefundStatus put a word of the provider's into the portable one, for records whose answer has no body (any
	// more).
	PaymentStatus func(word string) Status
	RefundStatus  func(word string) Status
	// Check is a signed request without any effect that proves the credentials.
	Check func() Query
}
