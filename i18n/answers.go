package i18n

import (
	"strings"
	"sync"
)

// mostAnswers is how many wishes are remembered. Browsers write a few dozen; a stranger can write any
// number, and only makes us read them anew.
const mostAnswers = 1024

// answers are the locales of a bundle that wishes were matched with, since browsers write the same few
// Accept-Language values with every request. A bundle shares them with those that are made of it.
// They are safe for concurrent use.
type answers struct {
	mu sync.RWMutex
	m  map[answerKey]int
}

type answerKey struct {
	of   *Bundle
	wish string
}

func (a *answers) get(of *Bundle, wish string) (i int, known bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	i, known = a.m[answerKey{of, wish}]
	return i, known
}

func (a *answers) put(of *Bundle, wish string, i int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.m) >= mostAnswers {
		clear(a.m)
	}
	a.m[answerKey{of, strings.Clone(wish)}] = i
}
