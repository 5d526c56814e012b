// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Documents} from "../src/Documents.sol";
import {Base} from "../test/Base.sol";
import {OpenZeppelinToken, SoladyToken} from "./Peers.sol";

/// Gas of the same transactions with the tokens that others build on: the same people, amounts and nonces as in `GasTest`.
contract GasPeersTest is Base {
    uint256 private constant AMOUNT = 12_345_678;
    OpenZeppelinToken private _openzeppelin;
    SoladyToken private _solady;

    function setUp() public override {
        super.setUp();
        _openzeppelin = new OpenZeppelinToken(ISSUER);
        _solady = new SoladyToken(ISSUER);
        for (uint256 i = 0; i < 2; ++i) {
            vm.startPrank(ISSUER);
            _openzeppelin.mint(person(i), 1e12);
            _solady.mint(person(i), 1e12);
            vm.stopPrank();
        }
    }

    function test_gas_transfer() public {
        _transfer(_openzeppelin, "openzeppelin");
        _transfer(IERC20(address(_solady)), "solady");
    }

    function _transfer(IERC20 token, string memory who) private {
        vm.prank(person(0));
        token.transfer(person(1), AMOUNT);
        vm.snapshotGasLastCall(who, "transfer");
        vm.prank(person(0));
        token.transfer(person(2), AMOUNT);
        vm.snapshotGasLastCall(who, "transfer_new");
    }

    function test_gas_transferFrom() public {
        _transferFrom(_openzeppelin, "openzeppelin");
        _transferFrom(IERC20(address(_solady)), "solady");
    }

    function _transferFrom(IERC20 token, string memory who) private {
        vm.prank(person(0));
        token.approve(person(3), 1e12);
        vm.prank(person(3));
        token.transferFrom(person(0), person(1), AMOUNT);
        vm.snapshotGasLastCall(who, "transfer_from");
    }

    function test_gas_permit() public {
        _permit(_openzeppelin, "openzeppelin");
        _permit(IERC20Permit(address(_solady)), "solady");
    }

    function _permit(IERC20Permit token, string memory who) private {
        bytes32 hash = Documents.permit(person(0), person(3), AMOUNT, 0, BEFORE);
        (uint8 v, bytes32 r, bytes32 s) = _signed(token.DOMAIN_SEPARATOR(), hash);
        vm.prank(RELAYER);
        token.permit(person(0), person(3), AMOUNT, BEFORE, v, r, s);
        vm.snapshotGasLastCall(who, "permit_first");
    }

    /// Every nonce of OpenZeppelin's ERC-3009 costs a new word, as our random ones do.
    function test_gas_authorization() public {
        bytes32 nonce = keccak256("random");
        bytes32 hash = Documents.authorization(
            Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, person(0), person(1), AMOUNT, 0, BEFORE, nonce
        );
        (uint8 v, bytes32 r, bytes32 s) = _signed(_openzeppelin.DOMAIN_SEPARATOR(), hash);
        vm.prank(RELAYER);
        _openzeppelin.transferWithAuthorization(person(0), person(1), AMOUNT, 0, BEFORE, nonce, v, r, s);
        vm.snapshotGasLastCall("openzeppelin", "authorization_random");
    }

    function _signed(bytes32 separator, bytes32 hash) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(key(0), keccak256(abi.encodePacked("\x19\x01", separator, hash)));
    }

    function test_gas_issuer() public {
        vm.startPrank(ISSUER);
        _openzeppelin.mint(ISSUER, 1e12);
        _solady.mint(ISSUER, 1e12);
        _openzeppelin.mint(person(0), AMOUNT);
        vm.snapshotGasLastCall("openzeppelin", "mint");
        _solady.mint(person(0), AMOUNT);
        vm.snapshotGasLastCall("solady", "mint");
        _openzeppelin.burn(AMOUNT);
        vm.snapshotGasLastCall("openzeppelin", "burn");
        _solady.burn(AMOUNT);
        vm.snapshotGasLastCall("solady", "burn");
        vm.stopPrank();
    }
}
