using MergeTasks.Language.Diagnostics;
using YamlDotNet.RepresentationModel;

namespace MergeTasks.Language.Recipes;

/// <summary>Reads <c>parameters</c>: names to numbers, gradients and conditions.</summary>
internal sealed class SettingReader(RecipeNodes nodes)
{
    /// <summary>The settings of a section's <c>parameters</c>; none where it has none.</summary>
    public IReadOnlyDictionary<string, RecipeSetting> Read(RecipeEntries section)
    {
        var settings = new Dictionary<string, RecipeSetting>(StringComparer.Ordinal);
        switch (section.Find("parameters"))
        {
            case null or YamlScalarNode { Value: "" or "null" or "~" }:
                break;
            case YamlMappingNode mapping:
                foreach (var (key, value) in nodes.Members(mapping))
                {
                    if (key is not YamlScalarNode { Value: { } name })
                        continue;
                    if (!RecipeNodes.IsParameter(name) && !IsNumber(value))
                        nodes.Warn(
                            DiagnosticCode.UnknownParameter,
                            $"No method has a parameter '{name}', so it has no effect "
                                + $"here.{(RecipeKeys.Recipe.Names.Contains(name) ? $" '{name}' is a key of the recipe itself: write it outside 'parameters'." : "")}",
                            key.Start);
                    else if (ReadSetting(value, name) is { } setting)
                        settings[name] = new RecipeSetting(setting, nodes.At(key.Start));
                }

                break;
            case { } other:
                nodes.Report(DiagnosticCode.WrongForm, "'parameters' is a mapping of parameter names to values.", other.Start);
                break;
        }

        return settings;
    }

    private static bool IsNumber(YamlNode node) => node is YamlScalarNode scalar && YamlNumber.Parse(scalar) is not null;

    // The value of a condition is a number or a list, and no further condition.
    private Setting? ReadSetting(YamlNode node, string name, bool isCondition = false)
    {
        switch (node)
        {
            case YamlScalarNode scalar when YamlNumber.Parse(scalar) is { } number:
                return new Setting.Number(number);
            case YamlSequenceNode { Children.Count: > 0 } list when list.All(child => child is YamlScalarNode):
                var numbers = list.Select(child => YamlNumber.Parse((YamlScalarNode)child)).ToList();
                if (!numbers.Contains(null))
                    return new Setting.Gradient([.. numbers.Select(value => value!.Value)]);
                break;
            case YamlSequenceNode { Children.Count: > 0 } list when !isCondition && list.All(child => child is YamlMappingNode):
                return ReadConditions(list.Children.Cast<YamlMappingNode>(), name);
            case YamlMappingNode mapping when !isCondition:
                return ReadConditions([mapping], name);
        }

        var written = node is YamlScalarNode text ? $" '{text.Value}'" : "";
        var hint = written.Contains(',', StringComparison.Ordinal) ? " Use '.' as decimal separator." : "";
        nodes.Report(
            DiagnosticCode.InvalidValue,
            $"The value{written} of '{name}' is not a number, a list of numbers, or a list of '{{filter, value}}'.{hint}",
            node.Start);
        return null;
    }

    private Setting.Conditional? ReadConditions(IEnumerable<YamlMappingNode> list, string name)
    {
        var cases = new List<Condition>();
        foreach (var mapping in list)
        {
            var entries = nodes.Entries(mapping, RecipeKeys.Condition);
            if (entries.Find("value") is not { } value)
            {
                nodes.Report(DiagnosticCode.MissingKey, $"This condition of '{name}' has no 'value'.", mapping.Start);
            }
            else if (ReadSetting(value, name, isCondition: true) is { } setting)
            {
                cases.Add(new Condition(setting)
                {
                    Filter = entries.Find("filter") is { } filter and not YamlScalarNode { Value: "null" or "~" or "" }
                        ? nodes.Text(filter, "filter")
                        : null,
                    Tensors = entries.Find("tensors") is { } tensors ? nodes.Texts(tensors, "tensors") : [],
                    Location = nodes.At(mapping.Start),
                });
            }
        }

        return cases.Count > 0 ? new Setting.Conditional(cases) : null;
    }
}
