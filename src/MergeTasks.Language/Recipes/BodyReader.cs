using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>Reads what is merged: <c>models</c>, <c>slices</c> and <c>modules</c>.</summary>
internal sealed class BodyReader(RecipeNodes nodes, ReferenceReader references, SettingReader settings)
{
    private static readonly string[] Kinds = ["models", "slices", "modules"];

    /// <summary>Checks that exactly one of the given kinds of body is present.</summary>
    /// <param name="section">The recipe, or one of its modules.</param>
    /// <param name="start">Where the section begins.</param>
    /// <param name="owner">What the section is, for messages.</param>
    /// <param name="kinds">Those that the section may have.</param>
    public void RequireOne(RecipeEntries section, Mark start, string owner, int kinds)
    {
        var given = Kinds.Take(kinds).Where(section.ContainsKey).OrderBy(kind => section[kind].Key.Index).ToList();
        if (given.Count == 0)
            nodes.Report(
                DiagnosticCode.MissingKey,
                $"{owner} lists no {string.Join(" or ", Kinds.Take(kinds).Select(kind => $"'{kind}'"))} to merge.",
                start);
        foreach (var second in given.Skip(1))
            nodes.Report(
                DiagnosticCode.AmbiguousRecipe,
                $"Both '{given[0]}' and '{second}' are given; {owner.ToLowerInvariant()} has one of them.",
                section[second].Key);
    }

    public List<RecipeModel> ReadModels(RecipeEntries section) =>
        [.. List(section, "models", "- model: …").Select(ReadModel).OfType<RecipeModel>()];

    public List<RecipeSlice> ReadSlices(RecipeEntries section) =>
        [.. List(section, "slices", "- sources: […]").Select(ReadSlice).OfType<RecipeSlice>()];

    public List<RecipeModule> ReadModules(RecipeEntries section)
    {
        var modules = new List<RecipeModule>();
        if (section.Find("modules") is not { } node)
            return modules;
        if (node is not YamlMappingNode { Children.Count: > 0 } mapping)
        {
            nodes.Report(DiagnosticCode.WrongForm, "'modules' is a mapping of the names of parts to 'models' or 'slices'.", node.Start);
            return modules;
        }

        foreach (var (key, value) in nodes.Members(mapping))
        {
            if (key is not YamlScalarNode { Value: { Length: > 0 } name } || value is not YamlMappingNode part)
            {
                nodes.Report(DiagnosticCode.WrongForm, "A module is a mapping with 'models' or 'slices'.", value.Start);
                continue;
            }

            var entries = nodes.Entries(part, RecipeKeys.Module);
            RequireOne(entries, key.Start, $"Module '{name}'", 2);
            modules.Add(
                new RecipeModule(
                    name, nodes.At(key.Start))
                {
                    Models = ReadModels(entries),
                    Slices = ReadSlices(entries),
                    Parameters = settings.Read(entries)
                });
        }

        return modules;
    }

    private RecipeModel? ReadModel(YamlMappingNode mapping)
    {
        var entries = nodes.Entries(mapping, RecipeKeys.Model);
        return ReadReference(entries, mapping, "models") is not { } model ? null : model with
        {
            Parameters = settings.Read(entries),
            TaskData = TaskData(entries),
        };
    }

    private WrittenOption? TaskData(RecipeEntries entries) =>
        entries.Find(DataFile.OfTask.Key) is { } data ? nodes.Option(data, DataFile.OfTask) : null;

    private RecipeSlice? ReadSlice(YamlMappingNode mapping)
    {
        var entries = nodes.Entries(mapping, RecipeKeys.Slice);
        if (!entries.ContainsKey("sources"))
        {
            nodes.Report(DiagnosticCode.MissingKey, "This slice has no 'sources'.", mapping.Start);
            return null;
        }

        return new RecipeSlice(
            [.. List(entries, "sources", "- model: …").Select(ReadSliceSource).OfType<RecipeSliceSource>()], nodes.At(mapping.Start))
        {
            Base = entries.Find("base_model") is { } baseModel ? references.Read(baseModel, "base_model") : null,
            Parameters = settings.Read(entries),
        };
    }

    private RecipeSliceSource? ReadSliceSource(YamlMappingNode mapping)
    {
        var entries = nodes.Entries(mapping, RecipeKeys.SliceSource);
        var model = ReadReference(entries, mapping, "sources");
        if (!entries.TryGetValue("layer_range", out var range))
        {
            nodes.Report(
                DiagnosticCode.MissingKey,
                "This source does not say which layers: 'layer_range: [first, end]', without the end itself.",
                mapping.Start);
            return null;
        }

        if (range.Value is not YamlSequenceNode { Children: [YamlScalarNode first, YamlScalarNode end] }
            || YamlNumber.ParseWhole(first) is not { } from || YamlNumber.ParseWhole(end) is not { } to)
        {
            nodes.Report(
                DiagnosticCode.WrongForm, "'layer_range' is two whole numbers: [first, end], without the end itself.", range.Value.Start);
            return null;
        }

        if (from < 0 || to <= from)
        {
            nodes.Report(
                DiagnosticCode.LayerRange,
                $"The layers [{from}, {to}] are none: the first is at least 0, and the end, which is not included, lies after "
                    + $"it.{(from >= 0 && to == from ? $" The layer {from} alone is [{from}, {from + 1}]." : "")}",
                range.Value.Start);
            return null;
        }

        return model is null
            ? null
            : new RecipeSliceSource(
                model with { Parameters = settings.Read(entries), TaskData = TaskData(entries) }, from, to, nodes.At(range.Value.Start));
    }

    private RecipeModel? ReadReference(RecipeEntries entries, YamlMappingNode mapping, string list)
    {
        if (entries.Find("model") is { } reference)
            return references.Read(reference, "model");
        nodes.Report(DiagnosticCode.MissingKey, $"This entry of '{list}' does not say which 'model'.", mapping.Start);
        return null;
    }

    private IEnumerable<YamlMappingNode> List(RecipeEntries section, string key, string example)
    {
        if (section.Find(key) is not { } node)
            yield break;
        if (node is not YamlSequenceNode { Children.Count: > 0 } sequence)
        {
            nodes.Report(DiagnosticCode.WrongForm, $"'{key}' is a list with at least one entry '{example}'.", node.Start);
            yield break;
        }

        foreach (var child in sequence)
        {
            if (child is YamlMappingNode mapping)
                yield return mapping;
            else
                nodes.Report(DiagnosticCode.WrongForm, $"An entry of '{key}' is a mapping such as '{example}'.", child.Start);
        }
    }
}
