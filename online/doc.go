// Package online asks TCB's auth API whether it goes together with the settings, by questions without side
// effects: nobody signs in, nothing is sent to anybody, and no account's count of wrong passwords changes.
// All that is ever asked stands in one list (questions.go); nothing else here makes a request.
//
// What TCB says against settings is certain. That it says nothing proves little: it may look at what
// is wrong with a question before it looks whether a way to sign in is switched on.
//
// It knows neither settings nor login configs: main tells what they come to. Calls that do something
// are package authclient's.
package online
