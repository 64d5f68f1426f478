#pragma once

#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"

/// Variants between what people write, the API's matrix, and what is shown.
namespace tinyrig::cli {

/// The variants of a matrix, in the order of its axes, without the excluded ones. An empty axis
/// counts as its default (kernels dsp, weights int8, fusion none, synthesis none).
std::vector<v1::Variant> ExpandVariants(const v1::VariantMatrix& matrix);

/// Errors: kInvalidArgument for names and combinations the compiler does not know, and when nothing
/// is left; the message says what to exclude.
Status CheckVariants(const v1::VariantMatrix& matrix);

/// Makes the matrix that expands to exactly these variants, each "key=value,key=value"; none means
/// the default variant. Errors: kInvalidArgument from the compiler's parser.
Status SetVariants(const std::vector<std::string>& texts, v1::VariantMatrix& matrix);

/// The same variants with each of these fusion settings. Errors: those of the compiler's parser.
Status SetFusion(const std::vector<std::string>& settings, v1::VariantMatrix& matrix);

/// "kernels=dsp,weights=int8": settings at "none" are left out.
std::string VariantText(const v1::Variant& variant);

/// "dsp/int8": short, for tables and plots.
std::string VariantLabel(const v1::Variant& variant);

}  // namespace tinyrig::cli
