package source

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// address is where a repository is.
type address struct {
	url     string // with credentials: never shown, logged or written
	shown   string // without
	path    string // of a repository on this machine; empty otherwise
	secrets []string
}

// scpLike is git's short form of an ssh address: user@host:path.
var scpLike = regexp.MustCompile(`^([\w.+-]+@)?[\w.-]+:[^/\\].*$|^([\w.+-]+@)[\w.-]+:.*$`)

// parseAddress reads a repository's address: https, ssh, file, user@host:path
// or an absolute path.
func parseAddress(text string) (address, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "git+")
	refuse := func(format string, args ...any) (address, error) {
		return address{}, messages.Errorf(messages.Invalid, "read repository", redact(text), format, args...).
			WithHint("give an https://, ssh:// or file:// address, user@host:path, or an absolute path")
	}
	if text == "" {
		return refuse("no repository was given")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return refuse("the address holds control characters")
	}
	if filepath.IsAbs(text) {
		return local(text), nil
	}
	if !strings.Contains(text, "://") {
		if scpLike.MatchString(text) {
			return address{url: text, shown: text}, nil
		}
		return refuse("it is no address, and no absolute path")
	}
	u, err := url.Parse(text)
	if err != nil {
		return refuse("it is not a valid address")
	}
	u.Fragment, u.RawFragment = "", "" // "#egg=name" is pip's
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return refuse("a file:// address names a path of this machine: file:///path")
		}
		return local(u.Path), nil
	case "https", "ssh":
		if u.Host == "" {
			return refuse("the address names no host")
		}
		return remote(u), nil
	}
	return refuse("%s is not a way in which code is fetched", u.Scheme)
}

func local(path string) address {
	path = filepath.Clean(path)
	a := address{url: (&url.URL{Scheme: "file", Path: path}).String(), path: path}
	a.shown = a.url
	return a
}

func remote(u *url.URL) address {
	a := address{url: u.String()}
	if u.User != nil {
		name, secret := u.User.Username(), ""
		if s, ok := u.User.Password(); ok {
			secret = s
			a.secrets = append(a.secrets, secret, url.QueryEscape(secret), url.PathEscape(secret))
		}
		if u.Scheme == "https" { // a token may stand in place of the name
			a.secrets = append(a.secrets, name, url.QueryEscape(name), url.PathEscape(name))
		}
	}
	shown := *u
	if shown.User = nil; u.Scheme == "ssh" && u.User != nil {
		shown.User = url.User(u.User.Username())
	}
	a.shown = shown.String()
	return a
}

// key names the address's mirror. Credentials are part of it: who has none
// must not read, from this node's mirror, what another's let it fetch.
func (a address) key() string {
	sum := sha256.Sum256([]byte(a.url))
	return hex.EncodeToString(sum[:12])
}

var userinfo = regexp.MustCompile(`://[^/@\s]*@`)

// redact takes whatever looks like credentials out of a text.
func redact(text string) string { return userinfo.ReplaceAllString(text, "://") }

// hide takes the address's credentials out of a text.
func (a address) hide(text string) string {
	text = redact(text)
	for _, s := range a.secrets {
		if len(s) > 2 { // less would tear words apart and is no secret
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}

// rules admit and refuse repositories by pattern; * stands for any text.
type rules struct{ allow, deny []string }

// admit says whether code may come from an address.
func (r rules) admit(a address) error {
	for _, pattern := range r.deny {
		if matches(pattern, a.shown) {
			return messages.Errorf(messages.Denied, "read repository", a.shown, "repositories like %s are refused on this node", redact(pattern))
		}
	}
	for _, pattern := range r.allow {
		if matches(pattern, a.shown) {
			return nil
		}
	}
	if len(r.allow) > 0 {
		return messages.Errorf(messages.Denied, "read repository", a.shown, "it is not among the repositories that this node admits")
	}
	return nil
}

func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	ok, err := regexp.MatchString("^(?:"+strings.Join(parts, ".*")+")$", text)
	return ok && err == nil
}
