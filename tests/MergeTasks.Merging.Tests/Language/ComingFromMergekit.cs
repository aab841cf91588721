using System.Globalization;
using System.Text.RegularExpressions;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>The table in docs/coming-from-mergekit.md is complete and says what is so.</summary>
public sealed class ComingFromMergekit
{
    // All of mergekit 0.1.5.
    private const string Methods =
        "linear slerp nuslerp multislerp karcher task_arithmetic ties dare_linear dare_ties della della_linear breadcrumbs "
            + "breadcrumbs_ties sce ram ramplus_tl model_stock nearswap arcee_fusion passthrough";

    private const string Options =
        "--cuda --device --low-cpu-memory --read-to-gpu --multi-gpu --gpu-rich --lazy-unpickle --allow-crimes --out-shard-size --copy-tokenizer --clone-tensors --write-model-card --safe-serialization "
        + "--trust-remote-code --random-seed --transformers-cache --lora-merge-cache --lora-merge-dtype --num-threads --async-write "
        + "--write-threads --verbose --quiet";

    private static readonly Dictionary<string, RecipeSection> Sections = new()
    {
        [""] = RecipeKeys.Recipe,
        ["tokenizer"] = RecipeKeys.Tokenizer,
        ["models"] = RecipeKeys.Model,
        ["slices"] = RecipeKeys.Slice,
        ["sources"] = RecipeKeys.SliceSource,
        ["modules"] = RecipeKeys.Module,
        ["model"] = RecipeKeys.Path,
    };

    private static readonly string Page = File.ReadAllText(Path.Combine(RepositoryFolder.Root, "docs", "coming-from-mergekit.md"));

    [Fact]
    public void Every_method_and_parameter_is_told_with_the_default_that_it_has()
    {
        var rows = Rows(4).ToList();
        Assert.Equal(Methods.Split(' ').Order(StringComparer.Ordinal), rows.Select(row => row[0]).Distinct().Order(StringComparer.Ordinal));
        foreach (var row in rows.Where(row => row[1].Length > 0))
        {
            var parameter = MergeMethods.Find(row[0])!.Parameters.Single(parameter => parameter.Name == row[1]);
            var missing = parameter.Default switch
            {
                null => "required",
                { } value when parameter.IsFlag => value != 0 ? "true" : "false",
                { } value => value.ToString(CultureInfo.InvariantCulture),
            };
            Assert.Equal((row[0], row[1], row[2]), (row[0], row[1], missing));
        }
    }

    [Fact]
    public void Every_key_that_is_said_to_be_taken_is_and_no_other()
    {
        var rows = Rows(2).Where(row => !row[0].StartsWith("--", StringComparison.Ordinal)).ToList();
        Assert.True(rows.Count > 25);
        foreach (var row in rows)
        {
            var (section, key) = row[0].Split('.') is [var outer, var inner] ? (outer, inner) : ("", row[0]);
            var names = section.Length > 0 || RecipeKeys.Recipe.Names.Contains(key)
                ? Sections[section].Names
                : [.. RecipeKeys.Reference.Names, .. RecipeKeys.Condition.Names];
            Assert.Equal((row[0], row[1].StartsWith("taken", StringComparison.Ordinal)), (row[0], names.Contains(key)));
        }

        Assert.Empty(
            new[]
            {
                "merge_method",
                "models",
                "slices",
                "modules",
                "base_model",
                "parameters",
                "dtype",
                "out_dtype",
                "tokenizer_source",
                "tokenizer",
                "chat_template"
            }.Except(rows.Select(row => row[0])));
    }

    [Fact]
    public void Every_option_of_the_command_line_is_told() => Assert.Equal(
        Options.Split(' ').Order(StringComparer.Ordinal),
        Rows(2).Select(row => row[0]).Where(name => name.StartsWith("--", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    // Rows of tables of so many columns whose first cell is code, in the section that the test is about.
    private static IEnumerable<string[]> Rows(int columns)
    {
        var start = Page.IndexOf("## Every key", StringComparison.Ordinal);
        var section = Page[start..Page.IndexOf("### Compatibility", start, StringComparison.Ordinal)];
        return section.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Trim().Trim('|').Split('|').Select(cell => Regex.Replace(cell.Trim(), "^`(.*)`$", "$1")).ToArray())
                .Where(row => row.Length == columns);
    }
}
