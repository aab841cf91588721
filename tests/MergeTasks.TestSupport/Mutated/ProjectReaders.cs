using System.Text;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Measuring;
using MergeTasks.Sources;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>Readers of what people write for a project: recipes, project files, references, samples.</summary>
internal static class ProjectReaders
{
    private const string Lines =
        """{"text":"a b","prompt":"a","target":"b","choices":["a","b"],"answer":1,"label":"yes"}""";

    private const string Xml =
        """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup><MergedModelsOutputPath>out</MergedModelsOutputPath></PropertyGroup>
          <ItemGroup>
            <MergedModel Include="m;n" Method="ties" Base="models/a"><Density>0.5</Density></MergedModel>
            <MergeSource Update="models/b" Into="m" />
          </ItemGroup>
        </Project>
        """;

    private static readonly string[] References =
    [
        "hf:org/name@main", "hf:org/name@0123456789012345678901234567890123456789", "nuget:Some.Package/1.2.3-beta/model", "models/a",
        "org/name", "models/a+hf:org/lora@v1", "../x", "C:\\models\\a", "~/models",
    ];

    public static IEnumerable<MutatedReader> In(string folder)
    {
        string Put(string name, byte[] content) => MutatedReaders.Put(folder, name, content);

        var project = Path.Combine(folder, "project.csproj");
        File.WriteAllText(project, Xml);
        List<byte[]> recipes = [
            .. MutatedReaders.FilesOf("tests/MergeTasks.Merging.Tests/Language/Recipes", "*.yml", 2000),
            .. MutatedReaders.FilesOf("example-project/recipes", "*.yml", 2000)
        ];
        yield return new("recipe", MutationKind.Bytes, recipes, bytes =>
        {
            Put("recipe.yml", bytes);
            _ = DeclarationReader.Read(
                new ProjectDefaults(project, Path.Combine(folder, "out")),
                [new DeclaredItem("MergedModel", "recipe.yml", new Dictionary<string, string>(), project)],
                []);
        });
        yield return new("project file", MutationKind.Bytes, Xml, bytes =>
        {
            var file = Put("other.csproj", bytes);
            _ = ProjectFile.Find(file, "MergedModel", "m", 0, "Density");
            _ = ProjectFile.Find(file, "MergeSource", "models/b", 1, null);
            _ = ProjectFile.FindProperty(file, "MergedModelsOutputPath");
        })
        { ReadsAnything = true };
        yield return new("reference", MutationKind.Bytes, [.. References.Select(Encoding.UTF8.GetBytes)], bytes =>
            SourceSchemes.Parse(Encoding.UTF8.GetString(bytes), [folder]));
        yield return new("samples", MutationKind.Json, Lines, bytes =>
        {
            var path = Put("x.jsonl", [.. Encoding.UTF8.GetBytes(Lines + "\n"), .. bytes, (byte)'\n']);
            JsonLines.ReadTexts(path);
            JsonLines.ReadTasks(path);
            JsonLines.ReadChoices(path);
            JsonLines.ReadLabels(path, ["no", "yes"]);
        });
        yield return new("lines of samples", MutationKind.Bytes, [Encoding.UTF8.GetBytes($"{Lines}\r\n\n {Lines}\n")], bytes =>
            JsonLines.ReadTexts(Put("x.jsonl", bytes)));
        yield return new("calibration text", MutationKind.Bytes, "One paragraph\nof text.\n\n \nAnother.\r\n", bytes =>
            _ = CalibrationText.Documents(Put("x.txt", bytes)).Sum(document => document.Length));
    }
}
