using System.Text;
using MergeTasks.Merging.Planning;
using MergeTasks.Sources;

namespace MergeTasks.Merging.Outputs;

/// <summary>What a model card's front matter says of the models that a merge was made from, as the Hub shows it.</summary>
/// <remarks>Keys: huggingface.co/docs/hub/model-cards (<c>base_model</c>, <c>base_model_relation</c>, <c>license</c>).</remarks>
internal static class CardMetadata
{
    /// <summary>The lines; none where no card names a licence and no model comes from the Hub.</summary>
    public static string Of(MergePlan plan)
    {
        var lines = new StringBuilder();
        var repositories = plan.Models
            .Select(model =>
                model.Declaration.Remote is { } key ? SourceSchemes.Of(key, (scheme, reference) => scheme.HubRepository(reference)) : null)
            .OfType<string>().Distinct().ToList();
        if (repositories.Count > 0)
        {
            lines.Append("base_model:\n");
            foreach (var repository in repositories)
                lines.Append("- ").Append(repository).Append('\n');
            lines.Append("base_model_relation: merge\n");
        }

        if (LicenceOf(plan) is { } licence)
            lines.Append("license: ").Append(licence).Append('\n');
        return lines.ToString();
    }

    /// <summary>The licence of the merge, where every model's card names the same one; <see langword="null"/> otherwise.</summary>
    public static string? LicenceOf(MergePlan plan) =>
        plan.Models.All(model => plan.Licences.Any(licence => licence.Model == model.Declaration.Label))
            && plan.Licences.Select(licence => licence.Licence).Distinct().ToList() is [var only]
        && only.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.') ? only : null;
}
