package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/elasticcode/flow/messages"
)

// policy tells how calls are held back, tried again and bounded: of a socket
// together with what it leaves to its processor. What is not set is not told.
func (c *cli) policy(ctx context.Context, o *messages.Object) error {
	var lines []string
	switch o.Kind {
	case messages.Kind_KIND_SOCKET:
		processor, err := c.network.Get(ctx, messages.Kind_KIND_PROCESSOR, o.GetSocket().GetProcessor())
		if err != nil {
			return err
		}
		lines = socketPolicy(o.GetSocket(), processor.Object)
	case messages.Kind_KIND_PROCESSOR:
		p := o.GetProcessor()
		lines = policyLines(int64(p.Retries), p.Retrydelay, p.Timelimit, p.NoRetry)
		if p.Ratelimit != "" {
			lines = append(lines, "Rate limit: "+p.Ratelimit)
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(c.out, line); err != nil {
			return err
		}
	}
	return nil
}

func socketPolicy(s *messages.Socket, processor *messages.Object) (lines []string) {
	p := processor.GetProcessor()
	retries, delay, limit := int64(p.GetRetries()), p.GetRetrydelay(), p.GetTimelimit()
	if s.Retries != nil {
		retries = int64(*s.Retries)
	}
	if s.Retrydelay != nil {
		delay = *s.Retrydelay
	}
	if s.Timelimit != nil {
		limit = *s.Timelimit
	}
	if s.Binding != "" {
		lines = append(lines, "Binding: "+s.Binding)
	}
	if s.Ordered {
		lines = append(lines, "Order: one call at a time")
	}
	lines = append(lines, policyLines(retries, delay, limit, append(append([]string(nil), s.NoRetry...), p.GetNoRetry()...))...)
	if s.Ratelimit != "" {
		lines = append(lines, "Rate limit: "+s.Ratelimit)
	}
	if p.GetRatelimit() != "" {
		lines = append(lines, fmt.Sprintf("Rate limit: %s with all sockets of %s", p.Ratelimit, processor.Name))
	}
	return lines
}

func policyLines(retries, delay, limit int64, final []string) (lines []string) {
	if retries > 0 {
		line := fmt.Sprintf("Retries: %d", retries)
		if delay > 0 {
			line += fmt.Sprintf(", the first after %s, then twice as long each", time.Duration(delay)*time.Millisecond)
		}
		lines = append(lines, line)
	}
	if retries > 0 && len(final) > 0 {
		lines = append(lines, "Not tried again: "+strings.Join(final, ", "))
	}
	if limit > 0 {
		lines = append(lines, fmt.Sprintf("Time limit: %s", time.Duration(limit)*time.Millisecond))
	}
	return lines
}
