using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;
using MergeTasks.Language.Options;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>An expert that a recipe names.</summary>
/// <param name="Model">Whose feed-forward parts it gets.</param>
/// <param name="Expert">What is said of it.</param>
internal sealed record RecipeExpert(RecipeModel Model, ExpertDeclaration Expert);

/// <summary>Reads <c>experts</c> and <c>shared_experts</c>, which make a recipe one of a mixture of experts.</summary>
internal sealed class MixtureReader(RecipeNodes nodes, ReferenceReader references)
{
    /// <summary>Reads the experts out of a recipe's top-level entries, the shared ones last.</summary>
    public IReadOnlyList<RecipeExpert> Read(RecipeEntries root) => [.. Read(root, "experts", false), .. Read(root, "shared_experts", true)];

    private IEnumerable<RecipeExpert> Read(RecipeEntries root, string key, bool isShared)
    {
        if (root.Find(key) is not { } node)
            return [];
        if (node is YamlSequenceNode { Children.Count: > 0 } list)
            return [.. list.Children.Select(child => ReadExpert(child, isShared)).OfType<RecipeExpert>()];
        nodes.Report(
            DiagnosticCode.WrongForm, $"'{key}' is a list of experts: '- {{source_model: …, positive_prompts: […]}}'.", node.Start);
        return [];
    }

    private RecipeExpert? ReadExpert(YamlNode node, bool isShared)
    {
        if (node is not YamlMappingNode mapping)
        {
            nodes.Report(DiagnosticCode.WrongForm, "An expert is a mapping: 'source_model: …', 'positive_prompts: […]'.", node.Start);
            return null;
        }

        var entries = nodes.Entries(mapping, isShared ? RecipeKeys.SharedExpert : RecipeKeys.Expert);
        if (entries.Find("source_model") is not { } source)
        {
            nodes.Report(DiagnosticCode.MissingKey, "An expert needs 'source_model'.", node.Start);
            return null;
        }

        return references.Read(source, "source_model") is not { } model ? null : new RecipeExpert(model, new(nodes.At(node.Start))
        {
            IsShared = isShared,
            PositivePrompts = Prompts(entries, "positive_prompts"),
            NegativePrompts = Prompts(entries, "negative_prompts"),
            NoiseScale = entries.Find("noise_scale") is { } noise ? Number(noise, "noise_scale", least: 0) : null,
            ResidualScale = entries.Find("residual_scale") is { } scale ? Number(scale, "residual_scale") : null,
        });
    }

    private IReadOnlyList<string> Prompts(RecipeEntries entries, string key) =>
        entries.Find(key) is not { } node || node is YamlSequenceNode { Children.Count: 0 } or YamlScalarNode { Value: "null" or "~" or "" }
            ? []
            : nodes.Texts(node, key);

    private double? Number(YamlNode node, string key, double least = double.MinValue)
    {
        if (node is YamlScalarNode { Value: { } text } && (text is "null" or "~" or "" || NumberText.ParseFinite(text) >= least))
            return NumberText.ParseFinite(text);
        nodes.Report(
            DiagnosticCode.InvalidValue,
            $"'{key}' is a number{(least > double.MinValue ? $" from {NumberText.Of(least)} on" : "")}.", node.Start);
        return null;
    }
}
