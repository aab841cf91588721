using System.Text.Json;
using MergeTasks.Merging.Devices;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Devices;

/// <summary>Where the native libraries are that a project restored, and how those of several folders come together.</summary>
public sealed class DeviceLibraries
{
    [Fact]
    public void Folders_are_those_of_this_platform_in_whichever_packages_folder_has_them()
    {
        using var folder = new TempFolder();
        Package("libtorch-cuda-12.8-linux-x64-part1", "packages", TorchPackages.Platform);
        Package("libtorch-cuda-12.8-linux-x64-part2-primary", "fallback", TorchPackages.Platform);
        Package("libtorch-cpu-linux-x64", "packages", TorchPackages.Platform);
        Package("libtorch-cpu-elsewhere", "packages", "elsewhere-x64");
        var assets = new
        {
            libraries = new Dictionary<string, object>
            {
                ["libtorch-cpu/2.10.0"] = Library("libtorch-cpu", "lib/netstandard2.0/_._"),
                ["libtorch-cpu-elsewhere/2.10.0"] = Library("libtorch-cpu-elsewhere", "runtimes/elsewhere-x64/native/libc10.so"),
                ["libtorch-cpu-linux-x64/2.10.0"] = Library(
                    "libtorch-cpu-linux-x64", $"runtimes/{TorchPackages.Platform}/native/libc10.so"),
                ["libtorch-cuda-12.8-linux-x64-part1/2.10.0"] = Library(
                    "libtorch-cuda-12.8-linux-x64-part1", $"runtimes/{TorchPackages.Platform}/native/libc10.so"),
                ["libtorch-cuda-12.8-linux-x64-part2-primary/2.10.0"] = Library(
                    "libtorch-cuda-12.8-linux-x64-part2-primary", $"runtimes/{TorchPackages.Platform}/native/libc10.so"),
                ["libtorch-cuda-12.8-linux-x64-part2-fragment1/2.10.0"] = Library(
                    "libtorch-cuda-12.8-linux-x64-part2-fragment1", $"fragments/{TorchPackages.Platform}/native/libc10.so.fragment1"),
                ["Other/1.0.0"] = Library("other", $"runtimes/{TorchPackages.Platform}/native/libc10.so"),
            },
            packageFolders = new Dictionary<string, object> { [folder["packages"] + "/"] = new(), [folder["fallback"] + "/"] = new() },
        };
        File.WriteAllText(folder["project.assets.json"], JsonSerializer.Serialize(assets));
        var found = TorchPackages.Read(folder["project.assets.json"]);
        Assert.Equal([Native("libtorch-cpu-linux-x64", "packages")], found.CpuFolders);
        Assert.Equal(
            [Native("libtorch-cuda-12.8-linux-x64-part1", "packages"), Native("libtorch-cuda-12.8-linux-x64-part2-primary", "fallback")],
            found.CudaFolders);

        string Native(string id, string root) => folder[root, id, "2.10.0", "runtimes", TorchPackages.Platform, "native"];
        void Package(string id, string root, string platform) =>
            Directory.CreateDirectory(folder[root, id, "2.10.0", "runtimes", platform, "native"]);
        static object Library(string id, string file) =>
            new { type = "package", path = $"{id}/2.10.0", files = new[] { ".nupkg.metadata", file } };
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"libraries\": [], \"packageFolders\": {}}")]
    public void A_project_that_is_not_restored_has_none(string? text)
    {
        using var folder = new TempFolder();
        if (text is not null)
            File.WriteAllText(folder["project.assets.json"], text);
        var found = TorchPackages.Read(text is null ? "" : folder["project.assets.json"]);
        Assert.Empty(found.CpuFolders.Concat(found.CudaFolders));
    }

    [Fact]
    public void A_library_that_its_packages_have_not_joined_is_known()
    {
        using var folder = new TempFolder();
        var primary = folder["libtorch-cuda-part3-primary", "2.10.0", "runtimes", TorchPackages.Platform, "native"];
        var fragment = folder["libtorch-cuda-part3-fragment1", "2.10.0", "fragments", TorchPackages.Platform, "native"];
        foreach (var made in new[] { primary, fragment })
            Directory.CreateDirectory(made);
        File.WriteAllText(Path.Combine(primary, "libc10.so"), "whole");
        File.WriteAllText(Path.Combine(primary, "libtorch_cuda.so"), "first");
        File.WriteAllText(Path.Combine(fragment, "libtorch_cuda.so.fragment1"), "second");
        Assert.Equal(Path.Combine(primary, "libtorch_cuda.so"), TorchPackages.InParts([primary]));
        File.Delete(Path.Combine(fragment, "libtorch_cuda.so.fragment1"));
        Assert.Null(TorchPackages.InParts([primary]));
    }

    [Fact]
    public void Libraries_of_several_folders_lie_in_one_until_one_of_them_changes()
    {
        using var folder = new TempFolder();
        Write("one", "libc10.so", "c10");
        Write("two", "libtorch_cpu.so", "torch");
        Write("two", "libc10.so", "another");
        string[] folders = [folder["one"], folder["two"]];
        var linked = LinkedFolder.Of(folders, folder["cache"]);
        Assert.Equal(["c10", "torch"], Directory.GetFiles(linked).Order(StringComparer.Ordinal).Select(File.ReadAllText));
        Assert.Equal(linked, LinkedFolder.Of(folders, folder["cache"]));
        Assert.Single(Directory.GetDirectories(Path.GetDirectoryName(linked)!));
        if (!OperatingSystem.IsWindows())
            Assert.All(Directory.GetFiles(linked), file => Assert.NotNull(new FileInfo(file).LinkTarget));

        Write("two", "libtorch_cpu.so", "torch, stitched together");
        var changed = LinkedFolder.Of(folders, folder["cache"]);
        Assert.NotEqual(linked, changed);
        Assert.Equal("torch, stitched together", File.ReadAllText(Path.Combine(changed, "libtorch_cpu.so")));
        LinkedFolder.Clean(folder["cache"]);
        Assert.False(Directory.Exists(changed));
        Assert.True(File.Exists(folder["two", "libtorch_cpu.so"]));

        void Write(string name, string file, string text)
        {
            Directory.CreateDirectory(folder[name]);
            File.WriteAllText(folder[name, file], text);
        }
    }

    [Fact]
    public void Builds_at_the_same_time_make_one_folder()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["one"]);
        File.WriteAllText(folder["one", "a"], "a");
        var inner = "";
        var outer = LinkedFolder.Of([folder["one"]], folder["cache"], (path, file) =>
        {
            inner = LinkedFolder.Of([folder["one"]], folder["cache"]);
            File.Copy(file, path);
        });
        Assert.Equal(inner, outer);
        Assert.Equal([outer], Directory.GetDirectories(Path.GetDirectoryName(outer)!));
    }
}
