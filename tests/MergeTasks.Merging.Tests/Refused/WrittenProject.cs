using System.Xml.Linq;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Refused;

/// <summary>
/// A project file on disk whose items become declarations, with a mark (‸) in the text where a diagnostic is expected to point.
/// </summary>
internal sealed class WrittenProject : IDisposable
{
    private const char Mark = '‸';

    private readonly TempFolder _folder = new();
    private (string File, int Line, int Column)? _expected;

    public string this[params string[] parts] => _folder[parts];

    public void Model(string name, params (string Name, RawTensor Tensor)[] tensors) =>
        TestCheckpoint.Write(_folder["models", name], tensors);

    /// <summary>Writes a text file, remembering where its mark stood.</summary>
    public void Write(string name, string text)
    {
        var position = text.IndexOf(Mark);
        if (position >= 0)
        {
            var before = text[..position];
            _expected = (_folder[name], before.Count(c => c == '\n') + 1, position - before.LastIndexOf('\n'));
            text = text.Remove(position, 1);
        }

        File.WriteAllText(_folder[name], text);
    }

    public void WriteProject(string items) =>
        Write("project.csproj", $"<Project>\n  <ItemGroup>\n    {items}\n  </ItemGroup>\n</Project>\n");

    public MergeBuild Build() =>
        new(
            DeclarationReader.Read(
                new ProjectDefaults(_folder["project.csproj"], _folder["out"]),
                Items("MergedModel"),
                Items("MergeSource")), _folder["cache"], 1);

    /// <summary>Plans, expecting to be refused with one diagnostic at the mark, and nothing written.</summary>
    public Diagnostic Refused(bool validating = true)
    {
        var exception = Assert.Throws<DiagnosticException>(() =>
        {
            if (validating)
                Build().Validate(default);
            else
                Build().Plan(default);
        });
        return Expected(Assert.Single(exception.Diagnostics));
    }

    /// <summary>
    /// Reads the declarations, expecting to be refused with a diagnostic at the mark and perhaps others that follow from it.
    /// </summary>
    public Diagnostic RefusedFirst() => Expected(Assert.Throws<DiagnosticException>(Build).Diagnostics[0]);

    private Diagnostic Expected(Diagnostic diagnostic)
    {
        if (_expected is { } expected)
            Assert.Equal(expected, (diagnostic.Location!.File, diagnostic.Location.Line, diagnostic.Location.Column));
        Assert.False(Directory.Exists(_folder["out"]));
        return diagnostic;
    }

    public void Dispose() => _folder.Dispose();

    private List<DeclaredItem> Items(string type)
    {
        var items = new List<DeclaredItem>();
        foreach (var element in XDocument.Load(_folder["project.csproj"]).Descendants(type))
        {
            foreach (var include in element.Attribute("Include")!.Value.Split(';'))
            {
                items.Add(
                    new DeclaredItem(
                        type, include, Metadata(element), _folder["project.csproj"])
                    {
                        Occurrence = items.Count(item => item.Include.Equals(include, StringComparison.OrdinalIgnoreCase))
                    });
            }
        }

        return items;
    }

    private static Dictionary<string, string> Metadata(XElement element) =>
        element.Attributes()
            .Where(attribute => attribute.Name != "Include")
            .Select(attribute => (attribute.Name.LocalName, attribute.Value))
            .Concat(element.Elements().Select(child => (child.Name.LocalName, child.Value)))
            .ToDictionary(pair => pair.LocalName, pair => pair.Value, StringComparer.OrdinalIgnoreCase);
}
