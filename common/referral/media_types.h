// What a file is, by its own first bytes: the types of docs/attachments.md, and no other.
//
// A table of signatures, read and never parsed, in place of libmagic: a file is untrusted, and its bytes are looked at in a process that
// holds an agency's keys. Pure. Thread-safe.
#pragma once

#include <string_view>

namespace accord::referral {

// The media type of `bytes`; empty when it is none that is taken, such as a program, an archive, or a document with macros.
std::string_view MediaTypeOf(std::string_view bytes);

}  // namespace accord::referral
