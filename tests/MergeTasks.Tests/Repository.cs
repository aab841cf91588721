using System.Reflection;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Tests;

public sealed class Repository
{
    [Fact]
    public void Every_code_has_a_page_and_every_page_a_code()
    {
        var codes = typeof(DiagnosticCode).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!);
        var pages = Directory.GetFiles(Path.Combine(Package.Repository, "docs", "errors"), "*.md").Select(path => Path.GetFileNameWithoutExtension(path)!);
        Assert.Equal(codes.Order(StringComparer.Ordinal), pages.Order(StringComparer.Ordinal));
        Assert.All(codes, code => Assert.EndsWith($"docs/errors/{code}.md", DiagnosticCode.HelpLink(code), StringComparison.Ordinal));
    }
}
