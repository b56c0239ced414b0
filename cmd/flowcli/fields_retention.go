package main

// retentionFields say how long ended calls are kept; otherwise is what holds
// where they say 0.
func retentionFields(spec, otherwise string) []field {
	return []field{
		{path: spec + ".keep_age", long: "keep-age", form: asSeconds, usage: "how long a finished or cancelled call is kept; a bare number is seconds; 0: " + otherwise},
		{path: spec + ".keep_calls", long: "keep-calls", form: asWhole, usage: "how many finished calls, and as many cancelled ones, a socket keeps; 0: " + otherwise},
		{path: spec + ".dead_age", long: "dead-age", form: asSeconds, usage: "how long a failed or expired call is kept; a bare number is seconds; 0: " + otherwise},
		{path: spec + ".dead_calls", long: "dead-calls", form: asWhole, usage: "how many failed calls, and as many expired ones, a socket keeps; 0: " + otherwise},
	}
}
