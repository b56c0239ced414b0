package api

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/elasticcode/flow/messages"
)

// UserHeader is the header in which a client states its operating system user.
// It names the owner of what a request makes; it proves nothing.
const UserHeader = "Flow-User"

// nobody owns what came without a name.
const nobody = "anonymous"

// reasonBy is a reason, and who gave it, if they said who they are: "by ann: not
// needed". The history cuts what is long at its end.
func reasonBy(reason string, header http.Header) (string, error) {
	who, err := ownerOf("", header)
	switch {
	case err != nil || who == nobody:
		return reason, err
	case reason == "":
		return "by " + who, nil
	}
	return "by " + who + ": " + reason, nil
}

// ownerOf is who owns what a request makes: the field, else the header.
func ownerOf(field string, header http.Header) (string, error) {
	owner := strings.TrimSpace(field)
	if owner == "" {
		owner = strings.TrimSpace(header.Get(UserHeader))
	}
	switch {
	case owner == "":
		return nobody, nil
	case len(owner) > MaxOwner:
		return "", messages.Errorf(messages.Invalid, "read owner", strings.ToValidUTF8(owner[:16], "")+"…", "a name has at most %d bytes", MaxOwner)
	case !utf8.ValidString(owner) || strings.ContainsFunc(owner, func(r rune) bool { return r < ' ' }):
		return "", messages.Errorf(messages.Invalid, "read owner", "", "the name has control characters or is not UTF-8")
	}
	return owner, nil
}
