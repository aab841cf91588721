using System.Reflection;
using System.Xml.Linq;
using MergeTasks.Merging.Diagnostics;

namespace MergeTasks.Tests;

public sealed class Repository
{
    private static readonly string[] Rooms =
        ["MergeTasks.Files", "MergeTasks.Checkpoints", "MergeTasks.Caching", "MergeTasks.Transformers", "MergeTasks.Sources", "MergeTasks.Merging", "MergeTasks", "MergeTasks.Torch"];

    [Fact]
    public void Every_code_has_a_page_and_every_page_a_code()
    {
        var codes = typeof(DiagnosticCode).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!);
        var pages = Directory.GetFiles(Path.Combine(Package.Repository, "docs", "errors"), "*.md").Select(path => Path.GetFileNameWithoutExtension(path)!);
        Assert.Equal(codes.Order(StringComparer.Ordinal), pages.Order(StringComparer.Ordinal));
        Assert.All(codes, code => Assert.EndsWith($"docs/errors/{code}.md", DiagnosticCode.HelpLink(code), StringComparison.Ordinal));
    }

    [Fact]
    public void Rooms_know_only_those_above_them()
    {
        foreach (var path in Directory.GetFiles(Path.Combine(Package.Repository, "src"), "*.csproj", SearchOption.AllDirectories))
        {
            var place = Array.IndexOf(Rooms, Path.GetFileNameWithoutExtension(path));
            var known = XDocument.Load(path).Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
            Assert.All(known, name => Assert.InRange(Array.IndexOf(Rooms, name), 0, place - 1));
        }

        Assert.DoesNotContain(typeof(DiagnosticCode).Assembly.GetReferencedAssemblies(), name => name.Name!.StartsWith("Microsoft.Build", StringComparison.Ordinal));
    }
}
