// Package messagesconnect has what Connect generates of the public API: clients of
// its services, and the handlers that serve them. api implements it.
package messagesconnect
