using System.Text;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Outputs.Importance;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Outputs;

/// <summary>The output's <c>README.md</c>: front matter as the Hugging Face Hub reads it, then what was merged and how.</summary>
internal static class ModelCard
{
    private const string OwnTag = "- mergetasks";

    /// <summary>The card's text; the same for the same output.</summary>
    public static string Of(MergeOutput output)
    {
        var plan = output.Plan;
        var merge = plan.Declaration;
        var card = new StringBuilder();
        card.Append("---\n");
        card.Append(CardMetadata.Of(plan));
        card.Append(plan.AdapterConfig is null ? "library_name: transformers" : "library_name: peft")
            .Append("\ntags:\n- merge\n")
            .Append(OwnTag)
            .Append("\n---\n\n");
        card.Append("# ").Append(merge.Name).Append("\n\n");
        card.Append(
            $"{(plan.AdapterConfig is null ? "A merge of language models" : "A LoRA adapter")} made with MergeTasks by the method "
                + $"[{plan.Method.Name}]({plan.Method.Source.Split(' ')[0]}): {plan.Method.Summary}\n\n");
        card.Append("## Models\n\n");
        if (merge.Base is { } baseModel)
            card.Append($"- `{baseModel.Label}` (base)\n");
        foreach (var model in merge.Models.Where(model => merge.Base is null || !model.IsSameModel(merge.Base)))
            card.Append($"- `{model.Label}`\n");
        if (plan.Layout.Notes.Count > 0)
            card.Append("\nNot all tensors were merged:\n\n").AppendJoin("", plan.Layout.Notes.Select(note => $"- {note}.\n"));
        if (plan.Licences.Count > 0)
        {
            card.Append("\n## Licences\n\nBy the cards of the models:\n\n");
            foreach (var licence in plan.Licences)
                card.Append($"- `{licence.Model}`: {licence.Licence}\n");
        }

        card.Append("\n## Recipe\n\n```yaml\n").Append(RecipeText.Of(merge)).Append("```\n\n");
        if (plan.IsRandom)
            card.Append($"Seed of the random masks: {merge.Seed}.\n\n");
        if (merge.IsMergekitCompatible)
            card.Append("Made in mergekit compatibility mode (arithmetic in the models' own type).\n\n");
        card.Append(ImportanceCard.Of(plan, output.Report)).Append(ManifestEvaluation.Card(output.Evaluations));
        var dtypes = string.Join(
            ", ", plan.Tensors.Select(tensor => tensor.Output.DType.TorchName()).Distinct().Order(StringComparer.Ordinal));
        card.Append(
            $"{plan.Tensors.Count} tensors ({dtypes}). `{MergedFiles.Manifest}` identifies each of them and what it was made from.\n");
        return card.ToString();
    }
}
