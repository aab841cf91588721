using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>Plans AIM: whose activations are measured, and which weights they relax.</summary>
internal sealed class AimPlanner(ScoredMerge merge)
{
    private readonly Measurable _measurable = merge.Measurable;

    /// <summary>Plans.</summary>
    /// <param name="aim">The settings.</param>
    /// <param name="description">What θ_b computes.</param>
    /// <exception cref="DiagnosticException">A model has no such activations.</exception>
    public AimPlan Plan(AimDeclaration aim, ModelDescription description)
    {
        if (aim.Statistic == ActivationStatistic.Gradient && description.Task != ModelTask.CausalLanguageModel)
        {
            throw _measurable.Fault(
                DiagnosticCode.UnsuitableScoring,
                $"AimStatistic \"gradient\" needs a next-token loss, which '{merge.Base.Declaration.Label}' ({description.Family}) lacks. "
                + "Use mean-abs, rms or variance.",
                aim.Location);
        }

        var block = Math.Min(aim.Block, description.MaximumPositions);
        var tables = description.Tables.ToHashSet(StringComparer.Ordinal);
        var modules = description.Modules.Where(module => aim.RelaxesTiedHead || !tables.Contains(module.Weight))
            .GroupBy(module => module.Weight)
            .ToDictionary(
                places => places.Key,
                IReadOnlyList<ModuleDescription> (places) => [.. places.OrderBy(module => module.Place)],
                StringComparer.Ordinal);
        var participants = aim.Activations == ActivationSource.Participants
            ? merge.Tuned
                .Select(tuned => (tuned.Index, Activations(aim, tuned.Model, _measurable.Describe(tuned.Model), block)))
                .ToList() : [];
        return new AimPlan(aim, aim.Omega == 1 ? null : Activations(aim, merge.Base, description, block), participants, modules);
    }

    // All models read the text with the base's tokenizer, so that they see the same tokens.
    private ActivationRequest Activations(AimDeclaration aim, OpenModel measured, ModelDescription description, int block)
    {
        var tokenizer = _measurable.Tokenizer(merge.Base);
        var model = new RunnableModel(measured.Input, description, null, []);
        var key = _measurable.Key(
            "activations",
            model,
            tokenizer,
            new("calibration", _measurable.DigestOf(aim.Calibration)),
            new("samples", aim.Samples.ToString(CultureInfo.InvariantCulture)),
            new("block", block.ToString(CultureInfo.InvariantCulture)),
            new("statistic", OptionKind.NameOf(aim.Statistic)));
        return new ActivationRequest(key, measured.Declaration, aim, model, tokenizer, block);
    }
}
