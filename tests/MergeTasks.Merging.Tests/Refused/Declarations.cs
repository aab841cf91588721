using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Refused;

/// <summary>Mistakes in project items; the mark ‸ stands where the error must point.</summary>
public sealed class Declarations : IDisposable
{
    private readonly WrittenProject _project = new();

    public Declarations()
    {
        _project.Model("a", ("w", RawTensor.F32([2], 1, 2)));
        _project.Model("b", ("w", RawTensor.F32([2], 3, 4)));
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData(
        """<MergedModel Include="m" ‸Method="tyes" Base="models/a" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1001",
        "Did you mean 'ties'?")]
    [InlineData("""<MergedModel Include="m" ‸Method="unheard" /><MergeSource Include="models/b" Weight="1" />""", "MTK1001", "dare_ties")]
    [InlineData("""<MergedModel Include="m" Method="linear" /><‸MergeSource Include="models/b" />""", "MTK1002", "'weight'")]
    [InlineData("""<‸MergedModel Include="m" Method="slerp" Base="models/a" /><MergeSource Include="models/b" />""", "MTK1002", "'t'")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/b" ‸Weight="much" />""", "MTK1003", "not a number")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/b" ‸Weight="0,5" />""", "MTK1003", "decimal separator")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/b" ‸Weight="NaN" />""", "MTK1003", "not a number")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/b" ‸Weight="1e999" />""", "MTK1003", "not a number")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/b"><‸Weight>x</Weight></MergeSource>""",
        "MTK1003",
        "not a number")]
    [InlineData(
        """<MergedModel Include="m" Method="ties" Base="models/a" ‸Density="1.5" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "between 0 and 1")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸Normalize="2" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "true or false")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸DType="int8" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "element type")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸OutDType="bflot16" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "bfloat16")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸MaxShardSize="big" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "5GB")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸Seed="0.5" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "whole number")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸Strict="perhaps" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "true or false")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸PostWeightsPosition="0.5" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "0 or 1")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸KeepTensor="w" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1008",
        "Did you mean 'KeepTensors'?")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸Compatibility="merge-kit" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1003",
        "mergekit")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergedModel Include="n" Method="linear" MergedModelName="o" /><‸MergedModel Include="M" Method="linear" /><MergeSource Include="models/b" Into="m;o" Weight="1" />""", "MTK1004", "(3,6)")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><‸MergedModel Include="m" Method="slerp" T="2" OutputDirectory="/" /><MergeSource Include="models/b" Into="m" Weight="1" />""", "MTK1004", "another MergedModelName")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergedModel Include="n" Method="linear" /><‸MergeSource Include="models/b" Weight="1" /><MergeSource Include="models/a" Into="n;m" Weight="1" />""", "MTK1005", "m, n")]
    [InlineData(
        """<MergedModel Include="first" Method="linear" /><MergeSource Include="models/a" Weight="1" /><MergeSource Include="models/b" ‸Into="fist" Weight="1" />""", "MTK1005", "Did you mean 'first'?")]
    [InlineData("""<‸MergedModel Include="m" Method="linear" />""", "MTK1006", "at least 1")]
    [InlineData("""<‸MergedModel Include="m" Method="slerp" Base="models/a" T="0.5" />""", "MTK1006", "exactly 1")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/a" Weight="1" /><‸MergeSource Include="models/a" Weight="1" />""", "MTK1006", "listed twice")]
    [InlineData("""<‸MergedModel Include="m" Method="ties" /><MergeSource Include="models/b" Weight="1" />""", "MTK1007", "Base=")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><MergeSource Include="models/b" Weight="1" ‸Densty="1" />""",
        "MTK1008",
        "Did you mean 'Density'?")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸Density="0.5" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1009",
        "no parameter 'density'")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" ‸Parameters="normalise=true" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1009",
        "Did you mean 'normalize'?")]
    [InlineData(
        """<‸MergedModel Include="m" Method="linear" /><MergedModel Include="n" Method="linear" /><MergeSource Include="n" Into="m" Weight="1" /><MergeSource Include="m" Into="n" Weight="1" />""", "MTK1010", "'m' → 'n' → 'm'")]
    [InlineData(
        """<‸MergedModel Include="a/b" Method="linear" /><MergeSource Include="models/b" Weight="1" />""", "MTK1011", "letters, digits")]
    [InlineData(
        """<‸MergedModel Include=".." Method="linear" /><MergeSource Include="models/b" Weight="1" />""", "MTK1011", "letters, digits")]
    [InlineData("""<‸MergedModel Include="con" Method="linear" /><MergeSource Include="models/b" Weight="1" />""", "MTK1011", "Windows")]
    [InlineData("""<‸MergedModel Include="Nul.x" Method="linear" /><MergeSource Include="models/b" Weight="1" />""", "MTK1011", "Windows")]
    [InlineData(
        """<‸MergedModel Include="m" Method="linear" OutputDirectory="/" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1011",
        "root of a file system")]
    [InlineData(
        """<‸MergedModel Include="m" Method="linear" OutputDirectory="x/.partial/y" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1011",
        "are prepared")]
    [InlineData("""<‸MergeSource Include="models/b" Weight="1" />""", "MTK1005", "declares no MergedModel")]
    [InlineData(
        """<‸MergedModel Include="m" Method="linear" OutputDirectory="models/b" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK1011",
        "write over")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><‸MergedModel Include="n" Method="linear" OutputDirectory="out/m" /><MergeSource Include="models/b" Into="m;n" Weight="1" />""", "MTK1011", "same output folder")]
    [InlineData("""<‸MergedModel Include="m" /><MergeSource Include="models/b" Weight="1" />""", "MTK1012", "Method")]
    [InlineData(
        """<MergedModel Include="m" Method="slerp" Base="models/a" T="0.5" /><MergeSource Include="models/b" ‸T="0.1" />""",
        "MTK2006",
        "whole merge")]
    [InlineData("""<‸MergedModel Include="gone.yml" />""", "MTK2007", "does not exist")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><‸MergeSource Include="models/nowhere" Weight="1" />""", "MTK3001", "does not exist")]
    [InlineData(
        """<MergedModel Include="m" Method="ties" ‸Base="models/nowhere" /><MergeSource Include="models/b" Weight="1" />""",
        "MTK3001",
        "does not exist")]
    [InlineData(
        """<MergedModel Include="m" Method="linear" /><‸MergeSource Include="models/b/config.json" Weight="1" />""", "MTK3001", "name the folder")]
    public void Are_refused_where_they_stand(string items, string code, string hint)
    {
        _project.WriteProject(items);
        var diagnostic = _project.Refused();
        Assert.Equal(code, diagnostic.Code);
        Assert.Contains(hint, diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_mistakes_are_told_at_once()
    {
        _project.WriteProject(
            """<MergedModel Include="m" Method="tyes" /><MergedModel Include="n" Method="linear" /><MergeSource Include="models/b" Into="n" Weight="x" /><MergeSource Include="models/b" Into="o" />""");
        var exception = Assert.Throws<DiagnosticException>(_project.Build);
        Assert.Superset(
            new HashSet<string> { "MTK1001", "MTK1003", "MTK1005" },
            exception.Diagnostics.Select(diagnostic => (string)diagnostic.Code).ToHashSet());
    }

    [Fact]
    public void Names_of_more_bytes_than_a_folder_takes_and_paths_longer_than_any()
    {
        _project.WriteProject($"""
            <‸MergedModel Include="{new string('漢', 90)}" Method="linear" /><MergeSource Include="models/b" Weight="1" />
            """);
        Assert.Equal(DiagnosticCode.InvalidName, _project.Refused().Code);
        var path = string.Concat(Enumerable.Repeat("x/", 2500));
        _project.WriteProject($"""
            <MergedModel Include="m" Method="linear" ‸OutputDirectory="{path}" /><MergeSource Include="models/b" Weight="1" />
            """);
        Assert.Contains("longer than", _project.Refused().Message, StringComparison.Ordinal);
        _project.WriteProject($"""
            <MergedModel Include="m" Method="linear" /><‸MergeSource Include="{path}" Weight="1" />
            """);
        Assert.Contains("longer than", _project.Refused().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_output_whose_links_lead_in_a_circle()
    {
        File.CreateSymbolicLink(_project["there"], "back");
        File.CreateSymbolicLink(_project["back"], "there");
        _project.WriteProject(
            """<‸MergedModel Include="m" Method="linear" OutputDirectory="there/m" /><MergeSource Include="models/b" Weight="1" />""");
        var diagnostic = _project.Refused();
        Assert.Equal(DiagnosticCode.InvalidName, diagnostic.Code);
        Assert.Contains("circle. Choose another OutputDirectory", diagnostic.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""<‸MergedModel Include="m" Method="linear" OutputDirectory="cache" /><MergeSource Include="models/b" Weight="1" />""")]
    [InlineData("""<‸MergedModel Include="m" Method="linear" OutputDirectory="cache/x" /><MergeSource Include="models/b" Weight="1" />""")]
    [InlineData("""<MergedModel Include="m" Method="linear" /><‸MergeSource Include="cache" Weight="1" />""")]
    public void Neither_an_output_nor_a_model_may_be_the_cache(string items)
    {
        _project.WriteProject(items);
        var diagnostic = _project.Refused();
        Assert.Equal(DiagnosticCode.InvalidName, diagnostic.Code);
        Assert.Contains("cache", diagnostic.Message, StringComparison.Ordinal);
    }
}
