package payonce

import "sync"

// The client-wide retry budget keeps an outage from turning every call into four requests: when it is spent, calls end after their
// first attempt until successes fill it again.
const (
	budgetFull    = 500
	budgetRetry   = 5
	budgetTimeout = 10
)

type budget struct {
	mu     sync.Mutex
	tokens int
}

func newBudget() *budget { return &budget{tokens: budgetFull} }

// left says whether a retry may be spent.
func (b *budget) left() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokens >= budgetRetry
}

// spend takes a retry's tokens, more after a timeout.
func (b *budget) spend(timedOut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	cost := budgetRetry
	if timedOut {
		cost = budgetTimeout
	}
	b.tokens = max(0, b.tokens-cost)
}

// earn gives a token back for a success at the first attempt.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(budgetFull, b.tokens+1)
}
