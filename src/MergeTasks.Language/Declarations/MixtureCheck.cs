using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;

namespace MergeTasks.Language.Declarations;

/// <summary>What is wrong with a mixture of experts before any model is opened.</summary>
internal static class MixtureCheck
{
    /// <summary>Reports every finding.</summary>
    public static void Check(MergeDeclaration merge, MixtureDeclaration mixture, Action<Diagnostic> report)
    {
        var shared = mixture.Experts.Where(expert => expert.IsShared).ToList();
        var routed = mixture.Experts.Where(expert => !expert.IsShared).ToList();
        if (routed.Count < 2)
            report(merge.Error(DiagnosticCode.ModelCount, $"a mixture has at least two experts beside shared ones; {routed.Count} given."));
        else if (mixture.ExpertsPerToken > routed.Count)
            report(merge.Error(
                DiagnosticCode.InvalidValue, $"{mixture.ExpertsPerToken} experts per token are more than the {routed.Count} there are."));
        if (shared.Count > 1)
            report(merge.Error(DiagnosticCode.ModelCount, "a mixture has at most one shared expert.", shared[1].Location));
        if (!mixture.IsRandom && routed.Count > 1 && routed[0].PositivePrompts.Count > 0
            && routed.TrueForAll(expert => expert.PositivePrompts.SequenceEqual(routed[0].PositivePrompts)
                && expert.NegativePrompts.SequenceEqual(routed[0].NegativePrompts)))
            report(merge.Error(
                DiagnosticCode.MissingPrompts,
                "all experts have the same prompts, so nothing says which of them a token is for. Give each its own, or "
                    + "GateMode=\"random\" ('gate_mode: random') for a mixture that is to be trained.",
                routed[1].Location));
        foreach (var expert in routed.Where(expert => expert.PositivePrompts.Count == 0 && !mixture.IsRandom))
        {
            report(merge.Error(
                DiagnosticCode.MissingPrompts,
                "an expert has no prompts that say what it is for. Give PositivePrompts=\"…\" or PositivePromptsFile=\"…\" "
                    + "('positive_prompts'), or GateMode=\"random\" ('gate_mode: random') for a mixture that is to be trained.",
                expert.Location));
        }

        if (merge.Aim is not null || merge.Apl is not null || merge.Tokenizer is not null)
            report(merge.Error(
                DiagnosticCode.InvalidValue,
                "a mixture of experts takes models' parts as they are, so AIM, APL and another tokenizer do not apply. Merge the experts "
                    + "before, each with its own settings, and name those merges here."));
    }
}
