using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Searching;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Merging.Tests.Searching;

/// <summary>What may be written of a search, and what is said of everything else.</summary>
public sealed class DeclaredSearches : IDisposable
{
    private readonly SearchedProject _project = new();

    public void Dispose() => _project.Dispose();

    /// <summary>What is different from a valid search, the code, and what the message must say.</summary>
    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "search Evaluate=", "MTK1042", "nothing says what candidates are measured on" },
        { "search Evaluate=data/one.jsonl;data/one.jsonl", "MTK1042", "named twice" },
        { "search Budget=3", "MTK1043", "need at least 4" },
        { "search Budget=many", "MTK1003", "'Budget'" },
        { "search Objective=mean", "MTK1003", "mean-recovery" },
        { "search HeldOut=1", "MTK1003", "between 0.1 and 0.9" },
        { "search Guard=data/tow.jsonl:-0.1", "MTK1044", "Did you mean 'data/two.jsonl'?" },
        { "search Guard=data/two.jsonl", "MTK1044", "a colon" },
        { "search Guard=data/two.jsonl:much", "MTK1044", "a colon" },
        { "search Bugdet=9", "MTK1008", "Did you mean 'Budget'?" },
        { "axis Lamda Range=0..1", "MTK1040", "Did you mean 'Lambda'?" },
        { "axis Epsilon Range=0.1..0.2", "MTK1040", "none of the methods linear, task_arithmetic, ties has a parameter 'epsilon'" },
        { "axis DType Values=float16;bfloat16", "MTK1040", "no such setting" },
        { "axis Int8Mask Values=true;false", "MTK1041", "'int8_mask' changes nothing with" },
        { "axis Density", "MTK1041", "it says no values" },
        { "axis Density Values=0.5 Range=0.2..0.4", "MTK1041", "one of them is enough" },
        { "axis Density Range=0.4..0.2", "MTK1041", "is no range" },
        { "axis Density Range=0.4", "MTK1041", "is no range" },
        { "axis Density Range=0,2..0,4", "MTK1041", "is no range" },
        { "axis Density Range=0.2..1.4", "MTK1041", "'density' cannot be 1.4" },
        { "axis Density Values=half", "MTK1041", "'half' is no value" },
        { "axis Density Values=0.5;0.50;0.5", "MTK1041", "a value is named twice" },
        { "axis Density Range=0..1 Scale=log", "MTK1041", "begin the Range above 0" },
        { "axis Density Range=0.1..1 Scale=cubic", "MTK1041", "Valid: linear, log" },
        { "axis Density Range=0.1..1 Layers=0", "MTK1041", "from 1 to 16" },
        { "axis Density Values=0.1;1 Layers=2", "MTK1041", "belong to a Range" },
        { "axis Density Range=0.1..1 Source=models/c", "MTK1040", "Valid: models/a, models/b" },
        { "axis Lambda Range=0.1..1 Source=models/a", "MTK1041", "leave out Source" },
        { "axis Lambda Range=0.1..1", "MTK1041", "two axes of this name" },
        { "axis Normalize Range=0..1", "MTK1041", "Values" },
        { "axis Normalize Values=true;2", "MTK1041", "true or false" },
        { "axis Aim Values=0.4;lots", "MTK1041", "'Aim'" },
        { "axis Apl Range=0..1", "MTK1041", "Values" },
        { "axis Apl Values=layer Source=models/a", "MTK1041", "leave out Source" },
        { "axis AimBlock Range=1.5..2.5", "MTK1041", "whole number" },
        { "axis Density Range=0.1..1 Into=n", "MTK1005", "no MergeSearch searches for 'n'" },
        { "axis Density Values=0.5 Ragne=0.1..1", "MTK1008", "Did you mean 'Range'?" },
        { "method Values=", "MTK1041", "methods are named by Values" },
        { "method Range=0..1", "MTK1041", "methods are named by Values" },
        { "method Values=linear;tise", "MTK1001", "Did you mean 'ties'?" },
        { "no axes", "MTK1042", "nothing says which settings are tried" },
        { "another search of m", "MTK1042", "two searches" },
        { "another search of n", "MTK1005", "Valid: m" },
        { "no search", "MTK1005", "there is no MergeSearch" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Every_mistake_is_one_finding_that_says_what_is_valid(string mistake, string code, string says)
    {
        var words = mistake.Split(' ');
        (string, string)[] values = [
            .. words.Where(word => word.Contains('=', StringComparison.Ordinal))
                .Select(word => word.Split('=', 2)).Select(pair => (pair[0], pair[1]))
        ];
        var axes = SearchedProject.UsualAxes;
        switch (words[0])
        {
            case "search":
                _project.Declare(search: values);
                break;
            case "axis":
                _project.Declare(axes: [.. axes, (words[1], values)], search: [("Budget", "40")]);
                break;
            case "method":
                _project.Declare(axes: [("Method", values), axes[2]]);
                break;
            case "another":
                _project.Declare();
                _project.Models.Space.Search(words[^1], ("Evaluate", "data/one.jsonl"));
                break;
            case "no":
                _project.Declare(axes: words[1] == "axes" ? [] : axes);
                if (words[1] == "search")
                {
                    _project.Models.Space.Clear();
                    _project.Models.Space.Merge("m", ("Method", "linear"));
                    _project.Models.Space.Source("models/a", ("Weight", "1"));
                    _project.Models.Space.Axis("Weight", ("Range", "0..1"));
                }

                break;
        }

        var found = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Models.Space.Declarations()).Diagnostics);
        Assert.Equal(code, found.Code.ToString());
        Assert.Contains(says, found.Message, StringComparison.Ordinal);
        Assert.NotNull(found.Location);
    }

    [Fact]
    public void An_axis_that_the_method_does_not_read_is_a_mistake_and_is_chosen_with_those_alone_that_do()
    {
        _project.Declare(merge: [("Method", "task_arithmetic")], axes: [("Density", [("Range", "0.1..1")]), SearchedProject.UsualAxes[0]]);
        var found = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Models.Space.Declarations()).Diagnostics);
        Assert.Equal("MTK1041", found.Code.ToString());
        Assert.Contains("'density' changes nothing with task_arithmetic", found.Message, StringComparison.Ordinal);
        Assert.Contains("ties", found.Message, StringComparison.Ordinal);

        SearchAxis[] axes =
        [
            new("Method", AxisKind.Method, found.Location!) { Values = ["task_arithmetic", "ties"] },
            new("Density", AxisKind.Parameter, found.Location!) { Parameter = "density", Low = 0.1, High = 1 },
        ];
        var space = new SearchSpace(axes, new MethodCatalog());
        Assert.False(space.Dimensions[1].IsActive!([0]));
        Assert.True(space.Dimensions[1].IsActive!([1]));
    }

    [Fact]
    public void Settings_that_only_other_methods_have_are_no_mistake_where_methods_are_searched()
    {
        _project.Declare(merge: [("Method", "linear"), ("Density", "0.5")]);
        Assert.DoesNotContain("density", Assert.Single(_project.Models.Space.Declarations()).Parameters.Keys);
        _project.Declare(merge: [("Method", "ties"), ("Density", "0.5")]);
        Assert.Contains("density", Assert.Single(_project.Models.Space.Declarations()).Parameters.Keys);
        _project.Declare(merge: [("Method", "linear"), ("Density", "0.5")], axes: [("Weight", [("Range", "0.1..1")])]);
        Assert.Equal(
            DiagnosticCode.UnknownParameter,
            Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Models.Space.Declarations()).Diagnostics).Code);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[")]
    [InlineData("""{"version": 2}""")]
    [InlineData("""{"merge": null}""")]
    public void A_file_that_no_search_wrote_is_refused(string text)
    {
        _project.Declare();
        File.WriteAllText(_project.SearchFile, text);
        var found = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Models.Space.Declarations()).Diagnostics);
        Assert.Equal(DiagnosticCode.BadSearchFile, found.Code);
        Assert.Equal(_project.SearchFile, found.Location!.File);
    }

    [Fact]
    public void A_merge_without_a_method_needs_one_until_it_has_been_searched()
    {
        _project.Declare(merge: []);
        var missing = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Models.Space.Declarations()).Diagnostics);
        Assert.Equal(DiagnosticCode.MissingMethod, missing.Code);
        Assert.Contains("-t:SearchMerges", missing.Message, StringComparison.Ordinal);
        var found = _project.Found();
        Assert.Equal(found.Settings[0].Value, Assert.Single(_project.Models.Space.Declarations()).Method);
        Assert.DoesNotContain(found.Figures, figure => figure.Model == "as declared");
    }
}
