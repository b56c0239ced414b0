package model

import (
	"strings"
	"time"
	"unicode"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/rate"
)

// Bounds of numbers that people set.
const (
	maxMillis = int64(10 * 365 * 24 * time.Hour / time.Millisecond) // of a time in milliseconds: ten years
	maxAmount = int64(1) << 50                                      // of calls and bytes
)

// amount is a named number, and the most that it may be. None may be below zero.
type amount struct {
	name  string
	value int64
	most  int64
}

func within(op, subject string, amounts []amount, more ...amount) *messages.Error {
	for _, a := range append(amounts, more...) {
		if a.value < 0 {
			return messages.Errorf(messages.Invalid, op, subject, "%s is %d, and may not be below 0", a.name, a.value).
				WithHint("0 means none")
		}
		if a.value > a.most {
			return messages.Errorf(messages.Invalid, op, subject, "%s is %d, and %d is the most", a.name, a.value, a.most)
		}
	}
	return nil
}

// checkRate refuses a rate limit that is none.
func checkRate(op, subject, limit string) *messages.Error {
	if _, err := rate.Parse(limit); err != nil {
		return messages.Errorf(messages.Invalid, op, subject, "%v", err).WithHint("write N/s, N/m or N/h, like 100/s")
	}
	return nil
}

// checkRetries refuses a retry policy that makes no sense. retries are those
// that the delay is for.
func checkRetries(op, subject string, retries, delay int64, final []string) *messages.Error {
	if refusal := within(op, subject, []amount{
		{"retries", retries, messages.MaxRetries}, {"retrydelay", delay, messages.MaxRetryDelay.Milliseconds()},
	}); refusal != nil {
		return refusal
	}
	if delay > 0 && retries == 0 {
		return messages.Errorf(messages.Invalid, op, subject, "retrydelay is %d ms, and retries is 0: nothing is tried again", delay).
			WithHint("set retries too, or retrydelay to 0")
	}
	if len(final) > messages.MaxNoRetry {
		return messages.Errorf(messages.Invalid, op, subject, "no_retry names %d types of errors, and %d are the most", len(final), messages.MaxNoRetry)
	}
	for _, kind := range final {
		if !isErrorType(kind) {
			return messages.Errorf(messages.Invalid, op, subject, "no_retry: %q is not a type of error", kind).
				WithHint("name it as the error shows it, like ValueError, requests.exceptions.HTTPError or timeout")
		}
	}
	return nil
}

// isErrorType says whether a text is words of letters, digits and underscores,
// separated by dots.
func isErrorType(kind string) bool {
	if len(kind) > messages.MaxName {
		return false
	}
	for word := range strings.SplitSeq(kind, ".") {
		odd := func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
		if word == "" || strings.ContainsFunc(word, odd) {
			return false
		}
	}
	return true
}
