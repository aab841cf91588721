using System.Globalization;
using MergeTasks.TestSupport;

namespace MergeTasks.Tasks.Tests;

/// <summary>Tasks read and write numbers as project files and recipes have them, whatever the user's language.</summary>
public sealed class OtherLanguages : IDisposable
{
    private readonly TaskProject _project = new() { Weight = "1234.5" };
    private readonly CultureInfo _before = CultureInfo.CurrentCulture;

    public void Dispose()
    {
        CultureInfo.CurrentCulture = _before;
        _project.Dispose();
    }

    [Fact]
    public void Outputs_have_the_same_bytes()
    {
        _project.Build();
        var made = FolderContent.Of(_project.Output);
        Directory.Delete(_project.Output, recursive: true);
        WriteCommas();
        _project.Build();
        Assert.Equal(made, FolderContent.Of(_project.Output));
        Assert.Contains("1234.5", File.ReadAllText(Path.Combine(_project.Output, "README.md")), StringComparison.Ordinal);
        Assert.Equal(",", CultureInfo.CurrentCulture.NumberFormat.NumberDecimalSeparator);
    }

    [Fact]
    public void Mistakes_are_told_as_they_were_written()
    {
        WriteCommas();
        _project.Weight = "0.5";
        _project.Metadata["Normalize"] = "1.5";
        Assert.Contains("1.5", _project.RefusedHere(_project.Validate).Message, StringComparison.Ordinal);
        _project.Metadata.Remove("Normalize");
        _project.Weight = "0,5";
        Assert.Contains("0,5", _project.RefusedHere(_project.Validate).Message, StringComparison.Ordinal);
    }

    // Without the system's tables of languages, which need not be there.
    private static void WriteCommas()
    {
        var commas = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (commas.NumberFormat.NumberDecimalSeparator, commas.NumberFormat.NumberGroupSeparator) = (",", ".");
        CultureInfo.CurrentCulture = commas;
    }
}
