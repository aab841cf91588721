using System.Text.RegularExpressions;

namespace MergeTasks.Tests;

/// <summary>What <c>dotnet new</c> makes, from the packed template package.</summary>
public sealed partial class Templates(Package package) : IClassFixture<Package>
{
    [Fact]
    public void A_new_project_with_a_second_recipe_builds()
    {
        using var consumer = new Consumer(package, compiles: true);
        var pack = consumer.Run(
            ".",
            "pack",
            Path.Combine(Package.Repository, "src", "MergeTasks.Templates", "MergeTasks.Templates.csproj"),
            "--no-build",
            "-c",
            Package.Configuration,
            "-o",
            consumer["templates"]);
        Assert.True(pack.Succeeded, pack.Output);
        var feed = Directory.GetFiles(consumer["templates"], "*.nupkg").Single();
        New("install", feed);
        New("merge", "-n", "Chat", "--base-model", "../app/models/base", "--first", "../app/models/code", "--second", "../app/models/math");
        New("merge-recipe", "-n", "average", "-o", "Chat");

        var project = consumer["Chat", "Chat.csproj"];
        Assert.Contains($"Include=\"MergeTasks\" Version=\"{package.Version}\"", File.ReadAllText(project), StringComparison.Ordinal);
        File.WriteAllText(project, File.ReadAllText(project)
            .Replace("recipes/merged.yml\" />", "recipes/merged.yml;average.yml\" />", StringComparison.Ordinal)
            .Replace(
                "</TargetFramework>",
                $"</TargetFramework><RestorePackagesPath>{package.Packages}</RestorePackagesPath>",
                StringComparison.Ordinal));
        File.WriteAllText(
            consumer["Chat", "average.yml"],
            ModelFolder()
                .Replace(File.ReadAllText(consumer["Chat", "average.yml"]), "../app/models/code", 1)
                .Replace("models/second", "../app/models/math", StringComparison.Ordinal));
        var built = consumer.Run("Chat", "build");
        Assert.True(built.Succeeded, built.Output);
        Assert.True(File.Exists(consumer["Chat", "bin", "Debug", "models", "merged", "model.safetensors"]), built.Output);
        Assert.True(File.Exists(consumer["Chat", "obj", "merge-recipe.schema.json"]), built.Output);
        Assert.True(File.Exists(consumer["Chat", "bin", "Debug", "models", "average", "model.safetensors"]), built.Output);

        // The templates' own folder of installed packages, so that the user's stays as it is.
        void New(string verb, params string[] arguments)
        {
            string[] command = ["new", verb, .. arguments, "--debug:custom-hive", consumer["hive"]];
            var made = Dotnet.Run(consumer["."], consumer["."], command);

            // On a busy machine two threads of 'dotnet new' can meet at the list of installed packages, before it makes anything.
            const string busy = "packages.json' because it is being used by another process";
            for (var retry = 0; retry < 3 && made.Output.Contains(busy, StringComparison.Ordinal); retry++)
                made = Dotnet.Run(consumer["."], consumer["."], command);
            Assert.True(made.Succeeded, made.Output);
        }
    }

    [GeneratedRegex("models/first")]
    private static partial Regex ModelFolder();
}
